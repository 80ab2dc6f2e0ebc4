import { Button } from "@mantine/core";
import { useInfiniteQuery, useQueries, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { flushSync } from "react-dom";
import type { ActivityView, TraceRow } from "@/api/types";
import { spanQuery } from "@/features/traces/detail/use-trace";
import { formatCount } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { thread } from "@/lib/thread";
import { sessionQuery } from "../queries";
import { CallTurn } from "./call-turn";
import classes from "./session.module.css";

/** Calls that are shown at first, and with each step back. */
const STEP = 20;

interface TimelineProps {
  session: string;
  /** Its calls in all. */
  total: number;
}

/** The newest calls in order. Each shows what it brings: what earlier ones had said already is left out. */
export function Timeline({ session, total }: TimelineProps) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const calls = useInfiniteQuery(sessionQuery(project.id, session));
  const rows = rowsOf(calls.data?.pages);
  // The first call that is shown, so that calls that arrive move none out of view; of all that are loaded without one.
  const [first, setFirst] = useState(rows.length > STEP ? rows.at(-STEP) : undefined);
  const [loading, setLoading] = useState(false);
  const firstCall = useRef<HTMLLIElement>(null);
  const start = startOf(rows, first);
  const shown = rows.slice(start);
  const queryOf = (row: TraceRow) => spanQuery(project.id, row.trace_id, row.span_id);
  const spans = useQueries({ queries: shown.map(queryOf) });
  const known = spans.map((one) => one.data).filter((one) => one !== undefined);
  const turns = new Map(thread(known).map((turn) => [`${turn.span.trace_id}/${turn.span.span_id}`, turn]));

  const showEarlier = async () => {
    setLoading(true);
    let all = rows;
    let more = calls.hasNextPage;
    if (start < STEP && more) {
      const fetched = await calls.fetchNextPage();
      all = rowsOf(fetched.data?.pages);
      more = fetched.hasNextPage;
    }
    const end = startOf(all, shown[0]);
    const begin = Math.max(0, end - STEP);
    // With their texts they have their height at once: what loads later would push down what is read.
    await Promise.all(all.slice(begin, end).map((row) => client.prefetchQuery(queryOf(row))));
    keepInPlace(firstCall.current, () => {
      setLoading(false);
      setFirst(begin > 0 || more ? all[begin] : undefined);
    });
  };

  return (
    <ol className={classes.timeline} aria-label="Calls of the session">
      {(start > 0 || calls.hasNextPage) && (
        <li>
          <Button size="xs" variant="default" loading={loading} onClick={() => void showEarlier()}>
            Show earlier calls: {formatCount(Math.max(start, total - shown.length))} of {formatCount(total)}{" "}
            are left
          </Button>
          {calls.isFetchNextPageError && <p className="bad">{calls.error?.message}</p>}
        </li>
      )}
      {shown.map((row, index) => (
        <CallTurn
          key={`${row.trace_id}/${row.span_id}`}
          ref={index === 0 ? firstCall : undefined}
          row={row}
          before={shown[index - 1]}
          turn={turns.get(`${row.trace_id}/${row.span_id}`)}
          error={spans[index]?.error ?? null}
        />
      ))}
    </ol>
  );
}

/** All that is loaded, in order of time; each page holds calls before those of the last. */
function rowsOf(pages: readonly ActivityView[] = []): TraceRow[] {
  return pages.toReversed().flatMap((page) => page.rows);
}

/** Where a call lies in the order of time, or would lie. */
function startOf(rows: readonly TraceRow[], first: TraceRow | undefined): number {
  if (!first) return 0;
  const at = rows.findIndex(
    (row) => row.started > first.started || (row.started === first.started && row.span_id >= first.span_id),
  );
  return at < 0 ? rows.length : at;
}

/** Changes the page and leaves the element where it is on the screen, whatever comes to stand above it. */
function keepInPlace(element: HTMLElement | null, change: () => void) {
  const top = element?.getBoundingClientRect().top ?? 0;
  flushSync(change);
  const page = element?.closest("main");
  if (element && page) page.scrollTop += element.getBoundingClientRect().top - top;
}
