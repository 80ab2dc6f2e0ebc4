import { Button, Skeleton, TagsInput } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useProtection } from "@/lib/artifact-writes";
import { type ArtifactKind, useProtectedLabels } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";

const KINDS = ["prompt", "model", "dataset", "evaluator"] as const;

/** Labels that only those move who may promote, for each kind. */
export function ProtectionTab() {
  const { may } = useSignedIn();
  return (
    <section className="card" aria-label="Protected labels">
      <div className="card-head">Protected labels</div>
      <p className={watch.none}>
        Who may write moves any other label. One of these takes <code>promote</code>, for all labels of the
        kind or for one of them: <code>prompts:promote:staging</code>.
      </p>
      <ul className={watch.list}>
        {KINDS.filter((kind) => may(`${kind}s:read`)).map((kind) => (
          <KindRow key={kind} kind={kind} />
        ))}
      </ul>
    </section>
  );
}

function KindRow({ kind }: { kind: ArtifactKind }) {
  const { may } = useSignedIn();
  const { data, error, refetch } = useProtectedLabels(kind);
  if (error && !data) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <li>
      <b>{kind}s</b>
      {data ? (
        <Labels key={data.join()} kind={kind} labels={data} writer={may(`${kind}s:promote`)} />
      ) : (
        <Skeleton height={30} />
      )}
    </li>
  );
}

function Labels({ kind, labels, writer }: { kind: ArtifactKind; labels: string[]; writer: boolean }) {
  const protect = useProtection(kind);
  const [wanted, setWanted] = useState(labels);
  const changed = wanted.join() !== labels.join();
  if (!writer)
    return (
      <span className={watch.said} title={`To change them takes the permission ${kind}s:promote.`}>
        {labels.join(", ") || "none"}
      </span>
    );
  return (
    <>
      <TagsInput size="xs" aria-label={`Protected labels of ${kind}s`} value={wanted} onChange={setWanted} />
      <span className={watch.aside}>
        {protect.error && <Failure error={protect.error} />}
        <Button
          size="xs"
          variant="default"
          disabled={!changed}
          loading={protect.isPending}
          onClick={() => protect.mutate(wanted)}
        >
          Save
        </Button>
      </span>
    </>
  );
}
