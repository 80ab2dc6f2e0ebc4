import { Skeleton } from "@mantine/core";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { formatBytes, formatCompact, NOTHING } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./data.module.css";
import { type Disk, useSystem } from "./queries";

export function DiskCard() {
  const { data, error, refetch } = useSystem();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={180} role="status" aria-label="Loading the disk figures" />;
  return <Figures disk={data.disk} />;
}

const DAYS_OF_WARNING = 30;

function Figures({ disk }: { disk: Disk }) {
  const { session } = useSignedIn();
  const parts = [
    { name: "Spans", bytes: disk.rows_bytes },
    { name: "Long texts", bytes: disk.payload_bytes },
    { name: "Search index", bytes: disk.text_index_bytes },
    { name: "Sums for charts", bytes: disk.rollup_bytes },
    { name: "Scores", bytes: disk.score_bytes },
    { name: "Free inside", bytes: disk.reusable_bytes },
  ];
  const most = Math.max(1, ...parts.map((part) => part.bytes ?? 0));
  const waiting = (disk.journal_bytes ?? 0) + (disk.intake_bytes ?? 0) + (disk.waiting_score_bytes ?? 0);
  const days = disk.growth_bytes && disk.growth_bytes > 0 ? disk.free_bytes / disk.growth_bytes : null;
  const facts = [
    ["Store of spans", formatBytes(disk.spans_bytes)],
    ["Grows per day", disk.growth_bytes ? formatBytes(disk.growth_bytes) : NOTHING],
    ["Waiting to be stored", formatBytes(waiting)],
    ["Settings and history", formatBytes(disk.metadata_bytes)],
    ["Free on the disk", formatBytes(disk.free_bytes)],
  ];
  return (
    <section className="card" aria-label="Disk">
      <div className="card-head">
        Disk
        {days !== null && (
          <span className={days < DAYS_OF_WARNING ? "warn" : "faint"}>
            {days > 3650 ? "room for years" : `room for about ${Math.floor(days)} days as it grows`}
          </span>
        )}
      </div>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div className={classes.halves}>
        <ul className={classes.bars} aria-label="Parts of the store">
          {parts.map((part) => (
            <li key={part.name}>
              <span>{part.name}</span>
              <span className={classes.track}>
                <span className={classes.part} style={{ width: `${((part.bytes ?? 0) / most) * 100}%` }} />
              </span>
              <span className="number">
                {part.bytes === null || part.bytes === undefined ? NOTHING : formatBytes(part.bytes)}
              </span>
            </li>
          ))}
        </ul>
        <ul className={classes.bars} aria-label="Spans of each project">
          {(disk.projects ?? []).slice(0, 6).map((project) => (
            <li key={project.id}>
              <span className="cut">
                {session.projects.find((one) => one.id === project.id)?.name ?? project.id}
              </span>
              <span />
              <span className="number">{formatCompact(project.spans)} spans</span>
            </li>
          ))}
          {(disk.projects ?? []).length === 0 && <li className={watch.said}>Nothing is stored yet.</li>}
        </ul>
      </div>
    </section>
  );
}
