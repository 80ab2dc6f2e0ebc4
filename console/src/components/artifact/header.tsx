import { Button, TagsInput, Textarea, Tooltip } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { Artifact } from "@/api/types";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Failure } from "@/components/failure";
import { useArtifactWrites } from "@/lib/artifact-writes";
import type { ArtifactPlace } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./artifact.module.css";
import { LabelMarks } from "./labels";

interface ArtifactHeaderProps {
  place: ArtifactPlace;
  artifact: Artifact;
  /** What else can be done with it. */
  actions?: ReactNode;
}

/** Name, labels, description; archives and describes it anew. */
export function ArtifactHeader({ place, artifact, actions }: ArtifactHeaderProps) {
  const { may } = useSignedIn();
  const { archive } = useArtifactWrites(place);
  const [open, setOpen] = useState<"describe" | "archive" | null>(null);
  const writer = may(`${place.kind}s:write`);
  const archived = artifact.archived !== null;
  const act = archived ? "Unarchive" : "Archive";
  const guarded = artifact.labels.some((label) => label.protected) && !may(`${place.kind}s:promote`);
  return (
    <header>
      <div className={classes.titleLine}>
        <h2 className={classes.title}>{artifact.name}</h2>
        <span className="dim">version {artifact.head ?? "–"}</span>
        <LabelMarks labels={artifact.labels} />
        {artifact.tags.map((tag) => (
          <span key={tag} className={classes.tag}>
            {tag}
          </span>
        ))}
        {archived && <span className="warn">archived</span>}
        <span className={classes.push} />
        {actions}
        {writer && (
          <>
            <Button size="compact-sm" variant="default" onClick={() => setOpen("describe")}>
              Describe
            </Button>
            <Tooltip
              disabled={!guarded}
              label={`A protected label stands at it: that takes the permission ${place.kind}s:promote.`}
            >
              <Button
                size="compact-sm"
                variant="default"
                data-disabled={guarded || undefined}
                onClick={() => !guarded && setOpen("archive")}
              >
                {act}
              </Button>
            </Tooltip>
          </>
        )}
      </div>
      <p className={classes.about}>
        {artifact.description && `${artifact.description} `}
        <span className="faint">
          Changed {formatAgo(artifact.updated, nowMicroseconds())} by {artifact.updated_by}.
        </span>
      </p>
      {archive.error && <Failure error={archive.error} />}
      {open === "describe" && <Describe place={place} artifact={artifact} onClose={() => setOpen(null)} />}
      {open === "archive" && (
        <ConfirmDialog
          title={`${act} ${artifact.name}?`}
          text={
            archived
              ? "It is listed again, and gateways are given what its labels stand at."
              : "Routes that name it are not served any longer. Its versions, labels and history stay, and it can be taken back."
          }
          action={act}
          loading={archive.isPending}
          onClose={() => setOpen(null)}
          onConfirm={() => archive.mutate(!archived, { onSettled: () => setOpen(null) })}
        />
      )}
    </header>
  );
}

function Describe({
  place,
  artifact,
  onClose,
}: Omit<ArtifactHeaderProps, "actions"> & { onClose: () => void }) {
  const { change } = useArtifactWrites(place);
  const [description, setDescription] = useState(artifact.description);
  const [tags, setTags] = useState(artifact.tags);
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    change.mutate({ description, tags }, { onSuccess: onClose });
  };
  return (
    <form className={`card ${classes.compose}`} onSubmit={submit}>
      <Textarea
        className={classes.message}
        size="xs"
        autosize
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        data-autofocus
      />
      <TagsInput className={classes.message} size="xs" label="Tags" value={tags} onChange={setTags} />
      <Button size="xs" variant="default" onClick={onClose}>
        Cancel
      </Button>
      <Button size="xs" type="submit" loading={change.isPending}>
        Save
      </Button>
      {change.error && <Failure error={change.error} />}
    </form>
  );
}
