import { Link } from "@tanstack/react-router";
import type { TraceRow } from "@/api/types";
import { StatusMark } from "@/components/status";
import { errorDetail, titleOf } from "@/features/traces/columns";
import { nowMicroseconds } from "@/lib/clock";
import { formatDuration, formatMoneyRow, formatRowTime, formatTime } from "@/lib/format";
import { sayScoreValue } from "@/lib/scores";
import classes from "./user.module.css";

/** The newest calls, with how they were judged. */
export function UserCalls({ rows: inOrder }: { rows: readonly TraceRow[] }) {
  const rows = inOrder.toReversed();
  return (
    <section className="card" aria-label="Calls">
      <div className="card-head">
        Calls <span className="faint">the newest</span>
      </div>
      {rows.length === 0 && <p className={classes.none}>None.</p>}
      <ul className={classes.list}>
        {rows.map((row) => (
          <li key={`${row.trace_id}/${row.span_id}`}>
            <Link to="/traces/$traceId" params={{ traceId: row.trace_id }} search={{ span: row.span_id }}>
              <b className="cut">{row.input_preview || titleOf(row)}</b>
              <time className="faint" title={formatTime(row.started)}>
                {formatRowTime(row.started, nowMicroseconds())}
              </time>
              <span className={`dim ${classes.numbers}`}>
                <StatusMark status={row.status} detail={errorDetail(row)} />
                <span>{titleOf(row)}</span>
                <span>{formatDuration(row.duration)}</span>
                <span>{formatMoneyRow(row.cost)}</span>
                {Object.entries(row.scores ?? {}).map(([name, value]) => (
                  <span key={name}>
                    {name} <b className={classes.score}>{sayScoreValue(value)}</b>
                  </span>
                ))}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
