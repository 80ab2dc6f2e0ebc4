import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { formatCount, formatMinute, formatPercent } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { DeletionDialog } from "./deletion-dialog";
import { type Deletion, useDeletions } from "./queries";

export function Deletions() {
  const { data, error, refetch } = useDeletions();
  const { may } = useSignedIn();
  const [asking, setAsking] = useState(false);
  return (
    <section className="card" aria-label="Deletions">
      <div className="card-head">
        Deletions
        <span className={classes.push} />
        {may("traces:delete") && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<Icon name="trash" size={13} />}
            onClick={() => setAsking(true)}
          >
            Delete data
          </Button>
        )}
      </div>
      {!data && error && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={100} m={12} width="auto" role="status" aria-label="Loading" />}
      {data?.length === 0 && <Empty title="Nothing was deleted yet." icon="trash" />}
      <ul className={classes.list} aria-label="History of deletions">
        {data?.map((one) => (
          <Row key={one.id} deletion={one} />
        ))}
      </ul>
      {asking && <DeletionDialog onClose={() => setAsking(false)} />}
    </section>
  );
}

function Row({ deletion }: { deletion: Deletion }) {
  const share = deletion.total > 0 ? Math.min(1, deletion.spans / deletion.total) : null;
  const progress = deletion.state === "running" && share !== null ? ` (${formatPercent(share)})` : "";
  return (
    <li>
      <span className={deletion.state === "done" ? "dim" : "warn"}>
        {deletion.state}
        {progress}
      </span>
      <div>
        <span className={classes.name}>{sayWhat(deletion)}</span>
        <div className={classes.said}>
          {formatCount(deletion.spans)} spans and {formatCount(deletion.scores)} scores deleted
          {deletion.verified && ", checked that nothing is left"}
        </div>
        {deletion.error && <div className={classes.grave}>{deletion.error}</div>}
      </div>
      <div className={classes.aside}>
        <span>{deletion.requested_by}</span>
        <span>{formatMinute(deletion.requested)}</span>
      </div>
    </li>
  );
}

export function sayWhat({ what }: Pick<Deletion, "what">): string {
  if (!what) return "what was kept long enough";
  const parts: string[] = [];
  if (what.traces?.length)
    parts.push(what.traces.length === 1 ? `trace ${what.traces[0]}` : `${what.traces.length} traces`);
  if (what.session) parts.push(`session ${what.session}`);
  if (what.user) parts.push(`user ${what.user}`);
  if (what.key) parts.push(`key ${what.key}`);
  if (what.q) parts.push(what.q);
  if (what.before) parts.push(`before ${formatMinute(what.before)}`);
  return parts.join(", ");
}
