/** New calls as they are stored, over server-sent events. */

import { useEffect, useRef } from "react";
import type { TraceRow } from "@/api/types";
import { reportConnection } from "@/lib/live";

export interface TailQuery {
  project: string;
  filter: string[];
  q: string | undefined;
}

/** Rows come in bunches, so that a busy gateway does not redraw the list for each. */
const BUNCH_MS = 250;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;
/**
 * A call is stored when it ends but is placed by its start, so a long one may end up before rows
 * that are here already. After a break the stream is asked again from this much earlier; rows that
 * come twice are merged.
 */
export const OVERLAP_US = 120_000_000;

export function tailUrl({ project, filter, q }: TailQuery, after: number): string {
  const params = new URLSearchParams({ project });
  for (const one of filter) params.append("filter", one);
  if (q) params.set("q", q);
  params.set("after", String(Math.max(0, after)));
  return `/api/v1/traces/tail?${params}`;
}

/** Connects until `close()` is called; reconnects by itself, ever more slowly. */
export function openTail(
  query: TailQuery,
  after: number,
  onRows: (rows: TraceRow[]) => void,
): { close: () => void } {
  let newest = after;
  let wait = FIRST_RETRY_MS;
  let bunch: TraceRow[] = [];
  let source: EventSource | null = null;
  let retry: number | undefined;
  let flush: number | undefined;

  const deliver = () => {
    flush = undefined;
    const rows = bunch;
    bunch = [];
    onRows(rows);
  };
  const connect = (from: number) => {
    source = new EventSource(tailUrl(query, from));
    source.onopen = () => {
      wait = FIRST_RETRY_MS;
      reportConnection("connected");
    };
    source.addEventListener("trace", (event) => {
      const row = JSON.parse((event as MessageEvent<string>).data) as TraceRow;
      newest = Math.max(newest, row.started);
      bunch.push(row);
      flush ??= window.setTimeout(deliver, BUNCH_MS);
    });
    source.onerror = () => {
      source?.close();
      reportConnection("reconnecting");
      retry = window.setTimeout(() => connect(newest - OVERLAP_US), wait);
      wait = Math.min(wait * 2, LAST_RETRY_MS);
    };
  };
  connect(after);
  return {
    close: () => {
      window.clearTimeout(retry);
      window.clearTimeout(flush);
      source?.close();
    },
  };
}

/** `after` is read when the stream opens: null means that it is not known yet. */
export function useTail(
  query: TailQuery,
  after: number | null,
  enabled: boolean,
  onRows: (rows: TraceRow[]) => void,
) {
  const handler = useRef(onRows);
  handler.current = onRows;
  const start = useRef(after);
  start.current = after;
  const ready = enabled && after !== null;
  const key = JSON.stringify(query);
  useEffect(() => {
    if (!ready) return;
    const tail = openTail(JSON.parse(key) as TailQuery, start.current ?? 0, (rows) => handler.current(rows));
    return () => tail.close();
  }, [key, ready]);
}
