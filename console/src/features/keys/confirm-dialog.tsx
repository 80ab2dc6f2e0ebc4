import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { Failure } from "@/components/failure";

interface ConfirmDialogProps {
  what: "rotate" | "revoke";
  name: string;
  busy: boolean;
  error: Error | null;
  onConfirm: () => void;
  onClose: () => void;
}

const TEXTS = {
  rotate: {
    title: "Rotate",
    body: "A new secret is made and shown once. The old one stops working within two seconds.",
    button: "Rotate",
  },
  revoke: {
    title: "Revoke",
    body: "Calls with this key are refused within two seconds. This cannot be undone; its traces stay.",
    button: "Revoke",
  },
};

export function ConfirmDialog({ what, name, busy, error, onConfirm, onClose }: ConfirmDialogProps) {
  const text = TEXTS[what];
  return (
    <Modal opened onClose={onClose} title={`${text.title} ${name}?`} size="sm">
      <Stack gap="sm">
        <Text fz="sm">{text.body}</Text>
        {error && <Failure error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="xs" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button size="xs" color={what === "revoke" ? "red" : undefined} loading={busy} onClick={onConfirm}>
            {text.button}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
