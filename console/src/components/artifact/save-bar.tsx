import { Button, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { ApiProblem } from "@/api/problem";
import type { Artifact, SavedVersion } from "@/api/types";
import { Failure } from "@/components/failure";
import { useSaveVersion } from "@/lib/artifact-writes";
import type { ArtifactKind } from "@/lib/artifacts";
import classes from "./artifact.module.css";

interface SaveBarProps {
  kind: ArtifactKind;
  /** Empty until a new artifact has one. */
  name: string;
  /** Null for a new one. */
  artifact: Artifact | null;
  branch: string;
  body: unknown;
  ready: boolean;
  onSaved: (saved: SavedVersion) => void;
  onCancel?: (() => void) | undefined;
}

/** Saves a body as the next version of a branch, unless somebody else saved one meanwhile. */
export function SaveBar({
  kind,
  name,
  artifact,
  branch: first,
  body,
  ready,
  onSaved,
  onCancel,
}: SaveBarProps) {
  const save = useSaveVersion(kind);
  const [message, setMessage] = useState("");
  const [branch, setBranch] = useState(first);
  const [base, setBase] = useState(() => headsOf(artifact));
  const head = headsOf(artifact)[branch];
  const moved = artifact !== null && head !== (base[branch] ?? "");
  const submit = () =>
    save.mutate(
      {
        name,
        version: {
          body,
          branch,
          message: message.trim(),
          expected: base[branch] ?? "",
          create: artifact === null,
        },
      },
      {
        onSuccess: (saved) => {
          setMessage("");
          setBase((before) => ({ ...before, [branch]: saved.digest }));
          onSaved(saved);
        },
      },
    );
  const conflict = save.error instanceof ApiProblem && [409, 412].includes(save.error.status);
  return (
    <>
      {moved && (
        <div className={classes.conflict} role="alert">
          <b>Somebody saved a version meanwhile.</b> Your text is kept; the changes shown are against what
          stands now.{" "}
          <Button size="compact-xs" variant="default" onClick={() => setBase(headsOf(artifact))}>
            Save over it
          </Button>
        </div>
      )}
      {save.error &&
        (conflict ? (
          <div className={classes.conflict} role="alert">
            <b>Not saved.</b> {save.error.message} Your text is kept.
          </div>
        ) : (
          <Failure error={save.error} />
        ))}
      {save.data?.outcome === "unchanged" && !save.isPending && (
        <p className={classes.review}>This is what version {save.data.number} says already.</p>
      )}
      <div className={classes.save}>
        <TextInput
          className={classes.message}
          size="xs"
          aria-label="Message"
          placeholder="What changes, for the history"
          maxLength={500}
          value={message}
          onChange={(event) => setMessage(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && ready && name && !moved) submit();
          }}
        />
        {artifact && artifact.branches.length > 1 && (
          <Select
            size="xs"
            w={130}
            aria-label="Save on branch"
            data={artifact.branches.map((one) => one.name)}
            value={branch}
            allowDeselect={false}
            onChange={(value) => value && setBranch(value)}
          />
        )}
        {onCancel && (
          <Button size="xs" variant="default" onClick={onCancel}>
            Cancel
          </Button>
        )}
        <Button size="xs" disabled={!ready || !name || moved} loading={save.isPending} onClick={submit}>
          Save
        </Button>
      </div>
    </>
  );
}

function headsOf(artifact: Artifact | null): Record<string, string> {
  return Object.fromEntries((artifact?.branches ?? []).map((one) => [one.name, one.digest]));
}
