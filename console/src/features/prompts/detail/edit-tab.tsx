import { Button, Skeleton } from "@mantine/core";
import type { Artifact, SavedVersion } from "@/api/types";
import classes from "@/components/artifact/artifact.module.css";
import { Failure } from "@/components/failure";
import { type ArtifactPlace, useVersion } from "@/lib/artifacts";
import { FIRST_BODY, type PromptBody } from "@/lib/prompt-body";
import { PromptEditor } from "../editor/editor";

interface EditTabProps {
  place: ArtifactPlace;
  artifact: Artifact;
  /** A number, a label, `latest`. */
  version: string;
  onSaved: (saved: SavedVersion) => void;
  onLatest: () => void;
}

/** One version, from which the next one is written. */
export function EditTab({ place, artifact, version, onSaved, onLatest }: EditTabProps) {
  const empty = artifact.head === null && version === "latest";
  const { data, error, refetch } = useVersion(place, version, !empty);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data && !empty) return <Skeleton height={320} role="status" aria-label="Loading the version" />;
  const older = data && data.branch === "main" && data.number !== artifact.head;
  const branch = data?.branch ?? "main";
  return (
    <div className={classes.page}>
      {older && (
        <div className={classes.conflict} style={{ margin: 0 }}>
          This is version {data.number}, not the newest. Saving makes it the next version.{" "}
          <Button size="compact-xs" variant="default" onClick={onLatest}>
            Show version {artifact.head}
          </Button>
        </div>
      )}
      <PromptEditor
        key={`${data?.number ?? 0}`}
        name={place.name}
        artifact={artifact}
        initial={(data?.body as PromptBody | undefined) ?? FIRST_BODY}
        version={data?.number ?? null}
        branch={artifact.branches.some((one) => one.name === branch) ? branch : "main"}
        onSaved={onSaved}
      />
    </div>
  );
}
