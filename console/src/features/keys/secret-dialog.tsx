import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { KeyWithSecret } from "@/api/types";
import { CopyBox } from "@/components/copy";
import { firstCallCommand } from "@/components/first-call";
import { useModelNames } from "@/lib/model-names";
import { useSignedIn } from "@/lib/session";

/** The only sight of a new secret. A click beside the dialog does not close it. */
export function SecretDialog({ secret, onClose }: { secret: KeyWithSecret | null; onClose: () => void }) {
  const { gatewayUrl } = useSignedIn();
  const { example } = useModelNames();
  return (
    <Modal
      opened={secret !== null}
      onClose={onClose}
      title={`The secret of ${secret?.name ?? ""}`}
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      {secret && (
        <Stack gap="sm">
          <Text fz="sm">Copy it now: it is shown this once. Penstock stores only its hash.</Text>
          <CopyBox text={secret.secret} label="Copy the secret" />
          <Text fz="sm" c="dimmed">
            Set it where the application runs, and try it:
          </Text>
          <CopyBox
            text={`export PENSTOCK_KEY=${secret.secret}\n${firstCallCommand(gatewayUrl, example)}`}
            label="Copy the commands"
          />
          <Group justify="flex-end">
            <Button size="xs" onClick={onClose}>
              I have copied it
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
