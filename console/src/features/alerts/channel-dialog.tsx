import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "@/components/copy";
import { Failure } from "@/components/failure";
import { useChannelWrites } from "./queries";
import type { Channel } from "./types";

interface ChannelDialogProps {
  /** What is renamed or given another address; null for a new one. */
  channel: Channel | null;
  onClose: () => void;
}

/** The address is sealed when it is saved, and is not shown again. */
export function ChannelDialog({ channel, onClose }: ChannelDialogProps) {
  const { save } = useChannelWrites();
  const [name, setName] = useState(channel?.name ?? "");
  const [url, setUrl] = useState("");
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
    const body = { name: name.trim(), url: url.trim() || null };
    save.mutate({ id: channel?.id ?? null, body }, { onSuccess: (made) => made.secret || onClose() });
  };
  return (
    <Modal opened onClose={onClose} title={channel ? `Change ${channel.name}` : "Add a channel"} size="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            size="xs"
            label="Name"
            description={
              channel?.used_by.length ? `Told by ${channel.used_by.join(", ")} under this name.` : undefined
            }
            required
            data-autofocus
            placeholder="on-call"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <PasswordInput
            size="xs"
            label="Address"
            description="slack://…, mailtos://…, pagerduty://… (addresses of apprise), or https://… for a signed webhook. Never shown again."
            required={!channel}
            placeholder={channel ? "as before" : undefined}
            autoComplete="off"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
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
              disabled={!name.trim() || (!channel && !url.trim())}
            >
              {channel ? "Save" : "Add"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
