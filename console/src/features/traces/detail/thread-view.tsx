/** The whole trace as one conversation, over all its model calls. */

import { Button, Skeleton } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { SpanRecord, Trace } from "@/api/types";
import { Empty } from "@/components/empty";
import { MessageView } from "@/components/messages/message-view";
import { formatCompact, formatDuration, formatMoneyShort } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { speakers, type Turn, thread } from "@/lib/thread";
import classes from "./thread.module.css";
import { spanQuery } from "./use-trace";

/** Calls that are shown before one asks for more. */
const STEP = 20;

interface ThreadViewProps {
  trace: Trace;
  selected: string | undefined;
  onSelect: (id: string) => void;
}

export function ThreadView({ trace, selected, onSelect }: ThreadViewProps) {
  const { project } = useSignedIn();
  const [count, setCount] = useState(STEP);
  const calls = useMemo(() => speakers(trace.spans), [trace.spans]);
  const shown = useMemo(() => calls.slice(0, count), [calls, count]);
  const whole = trace.complete !== false;
  const fetched = useQueries({
    queries: whole ? [] : shown.map((span) => spanQuery(project.id, trace.trace_id, span.span_id)),
  });
  const failed = fetched.find((one) => one.error);
  const waiting = fetched.some((one) => one.isPending);
  const texts = whole
    ? shown
    : fetched.map((one, index) => one.data ?? shown[index]).filter((one) => one !== undefined);
  const turns = waiting ? [] : thread(texts);
  if (calls.length === 0)
    return (
      <section className={`card ${classes.thread}`} aria-label="Conversation">
        <Empty title="No model was called in this trace." icon="traces" />
      </section>
    );
  return (
    <section className={`card ${classes.thread}`} aria-label="Conversation">
      {failed?.error && <p className="bad">{failed.error.message}</p>}
      {waiting && <Skeleton height={220} aria-label="Loading the conversation" />}
      {turns.map((turn) => (
        <TurnView
          key={turn.span.span_id}
          turn={turn}
          selected={turn.span.span_id === selected}
          onSelect={onSelect}
        />
      ))}
      {!waiting && calls.length > count && (
        <Button size="xs" variant="default" onClick={() => setCount(count + STEP)}>
          Show more: {calls.length - count} of {calls.length} calls are left
        </Button>
      )}
    </section>
  );
}

interface TurnViewProps {
  turn: Turn<SpanRecord>;
  selected: boolean;
  onSelect: (id: string) => void;
}

function TurnView({ turn, selected, onSelect }: TurnViewProps) {
  const { span, input, output, repeated } = turn;
  return (
    <div className={classes.turn} data-selected={selected || undefined}>
      <button type="button" className={classes.turnHead} onClick={() => onSelect(span.span_id)}>
        <b>{span.served_model ?? span.requested_model ?? span.name}</b>
        <span>{formatDuration(span.duration)}</span>
        {tokensOf(span) > 0 && <span>{formatCompact(tokensOf(span))} tokens</span>}
        {typeof span.cost === "number" && <span>{formatMoneyShort(span.cost)}</span>}
        {span.status !== "ok" && <span className="bad">{span.error_type ?? span.status}</span>}
      </button>
      {repeated > 0 && (
        <p className={classes.repeated}>
          {repeated} {repeated === 1 ? "message" : "messages"} from before
        </p>
      )}
      {input.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a record never changes, its order is its identity.
        <MessageView key={`in ${index}`} message={message} />
      ))}
      {output.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above.
        <MessageView key={`out ${index}`} message={message} answer />
      ))}
      {span.error_message && <p className="bad">{span.error_message}</p>}
    </div>
  );
}

/** All tokens of a span, those of audio and images included. */
export function tokensOf(span: SpanRecord): number {
  return (
    span.usage_input +
    span.usage_cache_read +
    span.usage_cache_write +
    span.usage_output +
    span.usage_reasoning +
    (span.usage_input_audio ?? 0) +
    (span.usage_output_audio ?? 0) +
    (span.usage_input_image ?? 0) +
    (span.usage_output_image ?? 0)
  );
}
