import { Button, Group, Modal, Stack, Text } from "@mantine/core";

interface ConfirmDialogProps {
  title: string;
  text: string;
  action: string;
  loading: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks once more before something is lost. */
export function ConfirmDialog({ title, text, action, loading, onConfirm, onClose }: ConfirmDialogProps) {
  return (
    <Modal opened onClose={onClose} title={title} size="sm">
      <Stack gap="md">
        <Text fz="sm">{text}</Text>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="xs" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button size="xs" color="red" loading={loading} onClick={onConfirm}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
