import type { WorkerRow } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatBytes, formatCompact, formatTime } from "@/lib/format";
import classes from "./health.module.css";

const COUNTERS = { memory: "in memory", redis: "in Redis", lost: "lost: Redis does not answer" } as const;

export function WorkerTable({ workers }: { workers: readonly WorkerRow[] }) {
  return (
    <table className={classes.workers}>
      <thead>
        <tr>
          <th scope="col">Worker</th>
          <th scope="col">State</th>
          <th scope="col">Snapshot</th>
          <th scope="col">Calls</th>
          <th scope="col">In flight</th>
          <th scope="col">Records</th>
          <th scope="col">Counters</th>
          <th scope="col">Cache</th>
          <th scope="col">Version</th>
          <th scope="col">Started</th>
        </tr>
      </thead>
      <tbody>
        {workers.map((one) => (
          <tr key={one.worker} data-stale={one.stale || undefined}>
            <td data-label="Worker">
              {one.worker} <span className="faint">pid {one.pid}</span>
            </td>
            <td data-label="State">
              <WorkerState worker={one} />
            </td>
            <td data-label="Snapshot">
              {one.snapshot}{" "}
              {one.newest ? (
                <span className="faint">newest</span>
              ) : (
                <span className="warn" title={one.problem ?? undefined}>
                  older{one.problem ? `: ${one.problem}` : ""}
                </span>
              )}
            </td>
            <td data-label="Calls">{formatCompact(one.calls)}</td>
            <td data-label="In flight">{formatCompact(one.in_flight)}</td>
            <td data-label="Records">
              {formatCompact(one.recorded)}
              {one.lost > 0 && <span className="bad"> {formatCompact(one.lost)} lost</span>}
            </td>
            <td data-label="Counters" className={one.counters === "lost" ? "bad" : undefined}>
              {COUNTERS[one.counters]}
            </td>
            <td data-label="Cache">
              {one.cache?.entries
                ? `${formatCompact(one.cache.entries)} answers, ${formatBytes(one.cache.bytes ?? 0)}`
                : "empty"}
            </td>
            <td data-label="Version">{one.program}</td>
            <td data-label="Started">
              <time title={formatTime(one.started)}>{formatAgo(one.started, nowMicroseconds())}</time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function WorkerState({ worker }: { worker: WorkerRow }) {
  if (worker.stale)
    return (
      <span className="warn" title={formatTime(worker.at)}>
        silent since {formatAgo(worker.at, nowMicroseconds())}
      </span>
    );
  return <span className={worker.state === "draining" ? "warn" : "good"}>{worker.state}</span>;
}
