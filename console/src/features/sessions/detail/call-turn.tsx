import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Ref } from "react";
import type { SpanRecord, TraceRow } from "@/api/types";
import { MessageView } from "@/components/messages/message-view";
import { StatusMark } from "@/components/status";
import { errorDetail, titleOf } from "@/features/traces/columns";
import { nowMicroseconds } from "@/lib/clock";
import { formatCompact, formatDuration, formatMoneyShort, formatRowTime, formatTime } from "@/lib/format";
import { sayScoreValue } from "@/lib/scores";
import type { Turn } from "@/lib/thread";
import classes from "./session.module.css";

/** A pause longer than this is told: microseconds. */
const PAUSE = 60_000_000;

interface CallTurnProps {
  ref?: Ref<HTMLLIElement>;
  row: TraceRow;
  before: TraceRow | undefined;
  /** What it brings; undefined while it loads. */
  turn: Turn<SpanRecord> | undefined;
  error: Error | null;
}

export function CallTurn({ ref, row, before, turn, error }: CallTurnProps) {
  const pause = before ? row.started - (before.started + before.duration) : 0;
  return (
    <>
      {pause > PAUSE && <li className={classes.pause}>{formatDuration(pause)} later</li>}
      <li className={classes.call} ref={ref}>
        <Link
          to="/traces/$traceId"
          params={{ traceId: row.trace_id }}
          search={{ span: row.span_id }}
          className={classes.callHead}
        >
          <time title={formatTime(row.started)}>{formatRowTime(row.started, nowMicroseconds())}</time>
          <b className="cut">{titleOf(row)}</b>
          <StatusMark status={row.status} detail={errorDetail(row)} />
          <span>{formatDuration(row.duration)}</span>
          {row.usage.total > 0 && <span>{formatCompact(row.usage.total)} tokens</span>}
          {row.cost !== null && <span>{formatMoneyShort(row.cost)}</span>}
          {row.spans > 1 && <span>{row.spans} spans</span>}
          {Object.entries(row.scores ?? {}).map(([name, value]) => (
            <span key={name} className={classes.score}>
              {name} <b>{sayScoreValue(value)}</b>
            </span>
          ))}
        </Link>
        {error && <p className="bad">{error.message}</p>}
        {!turn && !error && <Skeleton height={46} aria-label="Loading the text" />}
        {turn && <Said turn={turn} row={row} />}
      </li>
    </>
  );
}

function Said({ turn, row }: { turn: Turn<SpanRecord>; row: TraceRow }) {
  // What stood there before the conversation began is told once, by the first call.
  const input = turn.repeated > 0 ? turn.input.filter((message) => message.role !== "system") : turn.input;
  if (input.length === 0 && turn.output.length === 0)
    return (
      <p className="dim">
        {row.input_preview || row.output_preview
          ? `${row.input_preview} → ${row.output_preview}`
          : "No text was recorded."}
      </p>
    );
  return (
    <>
      {input.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a record never changes, its order is its identity.
        <MessageView key={`in ${index}`} message={message} />
      ))}
      {turn.output.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above.
        <MessageView key={`out ${index}`} message={message} answer />
      ))}
      {turn.span.error_message && <p className="bad">{turn.span.error_message}</p>}
    </>
  );
}
