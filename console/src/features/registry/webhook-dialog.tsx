import {
  Button,
  Checkbox,
  Group,
  Modal,
  MultiSelect,
  PasswordInput,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import type { Webhook } from "@/api/types";
import { CopyButton } from "@/components/copy";
import { Failure } from "@/components/failure";
import { useWebhookWrites } from "./webhook-queries";

const EVENTS = [
  "artifact.created",
  "artifact.changed",
  "artifact.archived",
  "artifact.unarchived",
  "version.created",
  "branch.created",
  "label.moved",
  "label.removed",
  "labels.protected",
  "comment.created",
];
const KINDS = ["prompt", "model", "dataset", "evaluator"];

interface WebhookDialogProps {
  /** What is changed; null for a new one. */
  webhook: Webhook | null;
  onClose: () => void;
}

/** The address is sealed when it is saved, and is not shown again. */
export function WebhookDialog({ webhook, onClose }: WebhookDialogProps) {
  const { save } = useWebhookWrites();
  const [name, setName] = useState(webhook?.name ?? "");
  const [url, setUrl] = useState("");
  const [events, setEvents] = useState<string[]>(webhook?.events ?? []);
  const [kinds, setKinds] = useState<string[]>(webhook?.kinds ?? []);
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true);
  const secret = save.data?.secret;
  if (save.data && secret)
    return (
      <Modal opened onClose={onClose} title={`${save.data.name} is saved`} size="sm">
        <Stack gap="sm">
          <Text fz="sm">Its requests are signed with this secret. Keep it now: it is not shown again.</Text>
          <code style={{ overflowWrap: "anywhere" }}>{secret}</code>
          <Group justify="flex-end" gap="xs">
            <CopyButton text={secret} label="Copy the secret" />
            <Button size="xs" onClick={onClose}>
              Done
            </Button>
          </Group>
        </Stack>
      </Modal>
    );
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const body = { name: name.trim(), url: url.trim() || null, events, kinds, enabled };
    save.mutate({ id: webhook?.id ?? null, body }, { onSuccess: (made) => made.secret || onClose() });
  };
  return (
    <Modal opened onClose={onClose} title={webhook ? `Change ${webhook.name}` : "Add a webhook"} size="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            size="xs"
            label="Name"
            required
            data-autofocus
            placeholder="deploy"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <PasswordInput
            size="xs"
            label="Address"
            description="https://…, never shown again."
            required={!webhook}
            placeholder={webhook ? "as before" : undefined}
            autoComplete="off"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
          <MultiSelect
            size="xs"
            label="Events"
            placeholder={events.length ? undefined : "all"}
            data={EVENTS}
            value={events}
            onChange={setEvents}
          />
          <MultiSelect
            size="xs"
            label="Kinds"
            placeholder={kinds.length ? undefined : "all"}
            data={KINDS}
            value={kinds}
            onChange={setKinds}
          />
          <Checkbox
            size="xs"
            label="Send to it"
            checked={enabled}
            onChange={(event) => setEnabled(event.currentTarget.checked)}
          />
          {save.error && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              type="submit"
              loading={save.isPending}
              disabled={!name.trim() || (!webhook && !url.trim())}
            >
              {webhook ? "Save" : "Add"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
