import { Button, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "@/components/copy";
import { Failure } from "@/components/failure";
import { useChannelWrites } from "./queries";

/** The address is sealed when it is saved, and is not shown again. */
export function ChannelDialog({ onClose }: { onClose: () => void }) {
  const { add } = useChannelWrites();
  const [name, setName] = useState("");
  const [url, setUrl] = useState("");
  const secret = add.data?.secret;
  if (add.data && secret)
    return (
      <Modal opened onClose={onClose} title={`${add.data.name} is added`} size="sm">
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
  return (
    <Modal opened onClose={onClose} title="Add a channel" size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          add.mutate(
            { name: name.trim(), url: url.trim() },
            { onSuccess: (made) => made.secret || onClose() },
          );
        }}
      >
        <Stack gap="sm">
          <TextInput
            size="xs"
            label="Name"
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
            required
            autoComplete="off"
            value={url}
            onChange={(event) => setUrl(event.currentTarget.value)}
          />
          {add.error && <Failure error={add.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button size="xs" type="submit" loading={add.isPending} disabled={!name.trim() || !url.trim()}>
              Add
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
