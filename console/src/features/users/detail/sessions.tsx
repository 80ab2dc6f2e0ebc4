import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Activity } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatCompact, formatDuration, formatMoneyRow, formatTime } from "@/lib/format";
import { useSessionsOf } from "../queries";
import classes from "./user.module.css";

/** Sessions over time: when each was, how long, and how much. */
export function UserSessions({ user }: { user: string }) {
  const { data, isPending, error } = useSessionsOf(user);
  const rows = data?.items ?? [];
  const from = Math.min(...rows.map((row) => row.first));
  const to = Math.max(...rows.map((row) => row.last));
  return (
    <section className="card" aria-label="Sessions">
      <div className="card-head">
        Sessions <span className="faint">in this time range</span>
      </div>
      {isPending && (
        <div className={classes.none}>
          <Skeleton height={120} />
        </div>
      )}
      {error && !data && <p className={classes.none}>{error.message}</p>}
      {data && rows.length === 0 && (
        <p className={classes.none}>None. Calls without a session stand under Calls.</p>
      )}
      <ul className={classes.list}>
        {rows.map((row) => (
          <li key={row.id}>
            <Link to="/sessions/$session" params={{ session: row.id }} search={{}}>
              <b className="cut">{row.id}</b>
              <time className="faint" title={formatTime(row.last)}>
                {formatAgo(row.last, nowMicroseconds())}
              </time>
              <Lane row={row} from={from} to={to} />
              <span className={`dim ${classes.numbers}`}>
                <span>{formatCompact(row.calls)} calls</span>
                {row.errors > 0 && (
                  <span className="bad">
                    {row.errors} {row.errors === 1 ? "error" : "errors"}
                  </span>
                )}
                <span>{formatDuration(row.last - row.first)}</span>
                <span>{formatMoneyRow(row.cost)}</span>
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Where the session lies between the first and the last that are listed. */
function Lane({ row, from, to }: { row: Activity; from: number; to: number }) {
  const total = Math.max(1, to - from);
  return (
    <span className={classes.lane} aria-hidden="true">
      <span
        style={{
          left: `min(calc(100% - 4px), ${((row.first - from) / total) * 100}%)`,
          width: `max(4px, ${((row.last - row.first) / total) * 100}%)`,
        }}
      />
    </span>
  );
}
