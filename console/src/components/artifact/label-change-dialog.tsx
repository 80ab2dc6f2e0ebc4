import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { ArtifactLabel } from "@/api/types";
import { Failure } from "@/components/failure";
import { useArtifactWrites } from "@/lib/artifact-writes";
import type { ArtifactPlace } from "@/lib/artifacts";

interface LabelChangeDialogProps {
  place: ArtifactPlace;
  label: ArtifactLabel;
  act: "rollback" | "remove";
  /** Where it goes back to; null when its history does not say. */
  back: number | null;
  onClose: () => void;
}

/** Takes a label back one move, or away. */
export function LabelChangeDialog({ place, label, act, back, onClose }: LabelChangeDialogProps) {
  const { rollback, removeLabel } = useArtifactWrites(place);
  const [reason, setReason] = useState("");
  const running = act === "rollback" ? rollback : removeLabel;
  const to = back === null ? "where it stood before" : `version ${back}`;
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    running.mutate({ label: label.name, reason: reason.trim() }, { onSuccess: onClose });
  };
  return (
    <Modal
      opened
      onClose={onClose}
      title={act === "rollback" ? `Roll ${label.name} back?` : `Remove ${label.name}?`}
      size="sm"
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text fz="sm">
            {act === "rollback"
              ? `${label.name} moves from version ${label.version} to ${to}.`
              : `Whoever asks for ${label.name} then gets an error. Its history stays.`}
          </Text>
          <TextInput
            size="xs"
            label="Reason"
            description={
              label.protected ? `${label.name} is protected: say why, for its history.` : "For its history."
            }
            required={label.protected}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            data-autofocus
          />
          {running.error && <Failure error={running.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              type="submit"
              color="red"
              loading={running.isPending}
              disabled={label.protected && !reason.trim()}
            >
              {act === "rollback" ? "Roll back" : "Remove"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
