import { Button, Skeleton, Tooltip } from "@mantine/core";
import { useState } from "react";
import type { Artifact, ArtifactLabel, LabelMove } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { type ArtifactPlace, labelPermission, useLabelMoves } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { LabelChangeDialog } from "./label-change-dialog";
import { LabelMarks } from "./labels";

/** Where labels stand, and every move they made. */
export function LabelTab({ place, artifact }: { place: ArtifactPlace; artifact: Artifact }) {
  const moves = useLabelMoves(place);
  const history = moves.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={classes.page}>
      <section className="card" aria-label="Labels">
        <div className="card-head">Labels</div>
        {artifact.labels.length === 0 ? (
          <p className={classes.none}>
            No label stands at a version. Put one from <b>Versions</b>; routes and applications name a label,
            so that a move changes what they use.
          </p>
        ) : (
          <ul className={classes.list}>
            {artifact.labels.map((label) => (
              <LabelRow key={label.name} place={place} label={label} history={history} />
            ))}
          </ul>
        )}
      </section>
      <section className="card" aria-label="History of labels">
        <div className="card-head">History</div>
        {moves.error && !moves.data && <Failure error={moves.error} onRetry={() => void moves.refetch()} />}
        {!moves.data && !moves.error && (
          <Skeleton height={80} m={12} role="status" aria-label="Loading the history" />
        )}
        {moves.data && history.length === 0 && <Empty title="No label was moved yet." icon="clock" />}
        <ol className={classes.list}>
          {history.map((move) => (
            <MoveRow key={move.id} move={move} />
          ))}
        </ol>
        {moves.hasNextPage && (
          <Button
            size="xs"
            variant="default"
            m={10}
            loading={moves.isFetchingNextPage}
            onClick={() => void moves.fetchNextPage()}
          >
            Show older moves
          </Button>
        )}
      </section>
    </div>
  );
}

interface LabelRowProps {
  place: ArtifactPlace;
  label: ArtifactLabel;
  history: readonly LabelMove[];
}

function LabelRow({ place, label, history }: LabelRowProps) {
  const { may } = useSignedIn();
  const [open, setOpen] = useState<"rollback" | "remove" | null>(null);
  const { allowed, needed } = labelPermission(may, place.kind, label.name, label.protected);
  const back = history.find((move) => move.label === label.name)?.before ?? null;
  const why = `Your role may not. It takes the permission ${needed}.`;
  return (
    <li>
      <LabelMarks labels={[label]} />
      <span className={classes.said}>
        version {label.version}, moved{" "}
        <time title={formatTime(label.moved)}>{formatAgo(label.moved, nowMicroseconds())}</time> by{" "}
        {label.moved_by}
        {label.protected && ", protected"}
      </span>
      <span className={classes.aside}>
        {(["rollback", "remove"] as const).map((act) => (
          <Tooltip key={act} label={why} disabled={allowed}>
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`${act === "rollback" ? "Roll back" : "Remove"} ${label.name}`}
              data-disabled={!allowed || undefined}
              onClick={() => allowed && setOpen(act)}
            >
              {act === "rollback" ? "Roll back" : "Remove"}
            </Button>
          </Tooltip>
        ))}
      </span>
      {open && (
        <LabelChangeDialog place={place} label={label} act={open} back={back} onClose={() => setOpen(null)} />
      )}
    </li>
  );
}

const VERBS = { move: "moved", rollback: "rolled back", remove: "removed" } as const;

function MoveRow({ move }: { move: LabelMove }) {
  const from = move.before === null ? "nowhere" : `version ${move.before}`;
  const to = move.after === null ? "nowhere" : `version ${move.after}`;
  return (
    <li>
      <b>{move.label}</b>
      <span className={classes.said}>
        {VERBS[move.action]} from {from} to {to} by {move.actor}
        {move.reason && (
          <>
            : <q>{move.reason}</q>
          </>
        )}
      </span>
      <time className="dim" title={formatTime(move.at)}>
        {formatAgo(move.at, nowMicroseconds())}
      </time>
    </li>
  );
}
