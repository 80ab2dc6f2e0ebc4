import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Definition } from "@/api/types";
import { Failure } from "@/components/failure";
import { type DefinitionKind, useDefinitionChanges } from "@/lib/definitions";

interface DeleteDialogProps {
  kind: DefinitionKind;
  definition: Definition;
  /** What happens to callers then. */
  consequence: string;
  onDeleted: () => void;
  onClose: () => void;
}

export function DeleteDialog({ kind, definition, consequence, onDeleted, onClose }: DeleteDialogProps) {
  const { remove } = useDefinitionChanges(kind);
  const [comment, setComment] = useState("");
  const confirm = () =>
    remove.mutate(
      {
        place: { name: definition.name, everywhere: definition.project === null },
        terms: { etag: definition.etag, comment },
      },
      { onSuccess: onDeleted },
    );
  return (
    <Modal opened onClose={onClose} title={`Delete ${definition.name}?`} size="sm">
      <Stack gap="sm">
        <Text fz="sm">{consequence} Its history and its calls stay.</Text>
        <TextInput
          size="xs"
          aria-label="Comment"
          placeholder="Why, for the history"
          maxLength={500}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        {remove.error && <Failure error={remove.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="xs" onClick={onClose} data-autofocus>
            Cancel
          </Button>
          <Button size="xs" color="red" loading={remove.isPending} onClick={confirm}>
            Delete
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
