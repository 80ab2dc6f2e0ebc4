/** Deletes all that is recorded of a session or a user, for who may. */

import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import { formatCount } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { Failure } from "./failure";
import { Icon } from "./icons";

interface EraseButtonProps {
  what: "session" | "user";
  id: string;
  calls: number;
}

export function EraseButton(props: EraseButtonProps) {
  const { may } = useSignedIn();
  const [opened, setOpened] = useState(false);
  if (!may("traces:delete")) return null;
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<Icon name="trash" size={13} />}
        onClick={() => setOpened(true)}
      >
        Erase
      </Button>
      {opened && <EraseDialog {...props} onClose={() => setOpened(false)} />}
    </>
  );
}

const WORD = "erase";

function EraseDialog({ what, id, calls, onClose }: EraseButtonProps & { onClose: () => void }) {
  const { project } = useSignedIn();
  const [typed, setTyped] = useState("");
  const erase = useMutation({
    mutationFn: async () => {
      const body = { [what]: id };
      const params = { query: { project: project.id } };
      return bodyOf(await api.POST("/api/v1/deletions", { params, body }));
    },
    onSuccess: () => {
      notifications.show({
        message: `Erasing the ${what} has begun. It goes on by itself until nothing is left.`,
      });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title={`Erase this ${what}?`} size="sm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim().toLowerCase() === WORD) erase.mutate();
        }}
      >
        <Stack gap="sm">
          <Text fz="sm">
            All spans and scores of {what} <code>{id}</code> are deleted, {formatCount(calls)} calls among
            them, with what still waits to be stored. This cannot be undone.
          </Text>
          <TextInput
            size="xs"
            label={`Type ${WORD} to confirm`}
            data-autofocus
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
          {erase.error && <Failure error={erase.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" size="xs" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              color="red"
              type="submit"
              loading={erase.isPending}
              disabled={typed.trim().toLowerCase() !== WORD}
            >
              Erase
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
