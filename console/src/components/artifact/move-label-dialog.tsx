import { Autocomplete, Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Artifact } from "@/api/types";
import { Failure } from "@/components/failure";
import { useArtifactWrites } from "@/lib/artifact-writes";
import { type ArtifactPlace, labelPermission, useProtectedLabels } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";

const LABEL = /^[a-z0-9][a-z0-9._-]{0,62}$/;

interface MoveLabelDialogProps {
  place: ArtifactPlace;
  artifact: Artifact;
  version: number;
  /** The label that is offered first. */
  label?: string;
  onClose: () => void;
}

/** Puts a label at a version; says before what changes with it. */
export function MoveLabelDialog({ place, artifact, version, label: first, onClose }: MoveLabelDialogProps) {
  const { may } = useSignedIn();
  const { data: guarded } = useProtectedLabels(place.kind);
  const { move } = useArtifactWrites(place);
  const [label, setLabel] = useState(first ?? "");
  const [reason, setReason] = useState("");
  const stands = artifact.labels.find((one) => one.name === label);
  const isProtected = guarded?.includes(label) ?? stands?.protected ?? false;
  const { allowed, needed } = labelPermission(may, place.kind, label, isProtected);
  const wrong = faultOf(label, stands?.version === version);
  const known = [...new Set([...artifact.labels.map((one) => one.name), ...(guarded ?? [])])];
  const ready = label !== "" && !wrong && allowed && (!isProtected || reason.trim() !== "");
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    move.mutate(
      { label, version: String(version), reason: reason.trim(), expected: stands?.version ?? 0 },
      { onSuccess: onClose },
    );
  };
  return (
    <Modal opened onClose={onClose} title={`Put a label at version ${version}`} size="sm">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Autocomplete
            size="xs"
            label="Label"
            placeholder="staging"
            data={known}
            value={label}
            error={wrong}
            onChange={setLabel}
            data-autofocus
          />
          {label && !wrong && (
            <Text fz="sm">
              {stands ? `${label} moves from version ${stands.version} to ${version}.` : `${label} is new.`}{" "}
              {place.kind === "prompt" && "Routes that name it serve the version within two seconds."}
            </Text>
          )}
          <TextInput
            size="xs"
            label="Reason"
            description={
              isProtected ? `${label} is protected: say why, for its history.` : "For its history."
            }
            required={isProtected}
            maxLength={500}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
          {label !== "" && !allowed && (
            <Text fz="sm" className="warn" role="note">
              Your role may not move {label}. It takes the permission <code>{needed}</code>.
            </Text>
          )}
          {move.error && <Failure error={move.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button size="xs" type="submit" loading={move.isPending} disabled={!ready}>
              {stands ? "Move the label" : "Put the label"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function faultOf(label: string, there: boolean): string | undefined {
  if (label === "latest") return "latest is always the newest of main, and is not moved.";
  if (label && !LABEL.test(label)) return "Small letters, digits and . _ -";
  return there ? "It stands there already." : undefined;
}
