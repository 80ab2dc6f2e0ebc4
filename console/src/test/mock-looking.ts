/** What the console asks to look around: facets, groups, sessions, users, views, scores, completion. */

import type { SavedView, Score, TraceRow, ViewDocument } from "@/api/types";
import type { MockAnswer } from "./mock-api";
import { holds, modelOf, totalsOf } from "./mock-query";
import { makeRichTrace, makeSpan } from "./mock-spans";

const NAMES = ["status", "model", "provider", "route", "duration", "cost", "user", "session", "key"];

/** The rows that a simple text of the filter language finds: `name:value` pairs and words. */
export function matches(row: TraceRow, q: string): boolean {
  return q
    .split(/\s+/)
    .filter(Boolean)
    .every((term) => {
      const [, not, column = "", value = ""] = /^(-?)([a-z_]+):(.+)$/.exec(term) ?? [];
      if (!column)
        return `${row.input_preview} ${row.output_preview}`.toLowerCase().includes(term.toLowerCase());
      const plain = value.replaceAll('"', "");
      const own = column === "key" && row.key_name === plain;
      return (own || holds(row, column, "eq", plain)) !== (not === "-");
    });
}

/** What is wrong with a text, as the server would say it. */
export function faultIn(q: string): MockAnswer | null {
  const at = q.search(/\bstatos:/);
  if (at < 0) return null;
  return {
    status: 400,
    body: {
      code: "invalid_query",
      status: 400,
      detail: `There is no field 'statos', at character ${at + 1}.`,
      hint: "Did you mean 'status'?",
      field: "q",
      start: at,
      end: at + 6,
    },
  };
}

export class MockLooking {
  readonly views: SavedView[] = [];
  readonly scores: Score[] = [];
  /** Whether facets and groups are estimates, unless they are asked for exactly. */
  sampled = false;

  constructor(
    private readonly now: () => number,
    private readonly rows: () => TraceRow[],
  ) {}

  answer(method: string, path: string, params: URLSearchParams, body: unknown): unknown {
    const rows = this.rows().filter((row) => matches(row, params.get("q") ?? ""));
    if (path === "/query/complete") return complete(params.get("q") ?? "", Number(params.get("cursor")));
    const about = this.sampled && params.get("exact") !== "true";
    const worth = { estimated: about, sample: about ? 0.003 : 1 };
    if (path === "/facets") {
      const columns = (params.get("columns") ?? "").split(",");
      return { ...page(columns.map((column) => facetOf(rows, column, about))), ...worth };
    }
    if (path === "/groups")
      return { ...page(groupsOf(rows, (params.get("by") ?? "").split(","), about)), ...worth };
    if (path === "/sessions") return page(activitiesOf(rows, "session"));
    if (path === "/users") return page(activitiesOf(rows, "user"));
    if (path.startsWith("/views")) return this.viewCall(method, path, body as ViewDocument);
    if (path.startsWith("/scores"))
      return this.scoreCall(method, path, params, body as Record<string, unknown>);
    if (path === "/metrics/query") return this.metric();
    return this.one(path, params);
  }

  private one(path: string, params: URLSearchParams): unknown {
    const [, kind, id = ""] = /^\/(sessions|users)\/(.+)$/.exec(path) ?? [];
    if (kind) {
      const of = kind === "sessions" ? "session" : "user";
      const name = decodeURIComponent(id);
      const items = this.rows().filter((row) => row[of] === name);
      if (items.length === 0) return undefined;
      const start = Number(params.get("cursor") ?? 0);
      const end = start + Number(params.get("limit") ?? 100);
      const next = end < items.length ? String(end) : null;
      return {
        of: activitiesOf(items, of)[0],
        rows: items.slice(start, end).toReversed(),
        next_cursor: next,
      };
    }
    const [, traceId, spanId] = /^\/traces\/(\w+)\/spans\/(\w+)$/.exec(path) ?? [];
    const row = this.rows().find((one) => one.trace_id === traceId);
    return row && [makeSpan(row), ...makeRichTrace(row)].find((span) => span.span_id === spanId);
  }

  private viewCall(method: string, path: string, document: ViewDocument): unknown {
    const at = this.views.findIndex((view) => path.endsWith(view.id));
    if (method === "GET") return page(this.views);
    if (method === "DELETE") return this.views.splice(at, 1)[0];
    const view: SavedView = {
      id: this.views[at]?.id ?? `view-${this.views.length + 1}`,
      document,
      version: (this.views[at]?.version ?? 0) + 1,
      mine: true,
      updated: this.now(),
      updated_by: "admin",
    };
    if (at < 0) this.views.push(view);
    else this.views[at] = view;
    return view;
  }

  private scoreCall(
    method: string,
    path: string,
    params: URLSearchParams,
    body: Record<string, unknown>,
  ): unknown {
    if (method === "GET")
      return page(this.scores.filter((score) => score.trace_id === params.get("trace_id")).toReversed());
    if (method === "DELETE")
      return this.scores.splice(
        this.scores.findIndex((one) => path.endsWith(one.id)),
        1,
      )[0];
    const { value } = body;
    const number = typeof value === "string" ? null : Number(value);
    this.scores.push({
      id: `score-${this.scores.length + 1}`,
      name: String(body.name),
      type: typeof value === "boolean" ? "boolean" : typeof value === "number" ? "number" : "category",
      number,
      label: typeof value === "string" ? value : null,
      trace_id: String(body.trace_id),
      span_id: (body.span_id as string | undefined) ?? null,
      session: null,
      source: "person",
      author: "admin",
      comment: (body.comment as string | undefined) ?? null,
      created: this.now(),
      metadata: null,
    });
    return { accepted: 1, rejected: 0, items: [{ id: "x", accepted: true, reason: null }] };
  }

  private metric(): unknown {
    const step = 3_600_000_000;
    const to = Math.floor(this.now() / step) * step;
    const points = Array.from({ length: 24 }, (_, index) => ({
      t: to - (24 - index) * step,
      value: (index % 5) * 40_000,
      count: index % 5,
      margin: 0,
    }));
    return {
      step,
      unit: "nano_dollars",
      groups: 1,
      sample: 1,
      unknown: 0,
      series: [{ labels: [], total: { t: points[0]?.t, value: 1_920_000, count: 48, margin: 0 }, points }],
    };
  }
}

function page<Row>(items: Row[]) {
  return { items, next_cursor: null };
}

function complete(text: string, cursor: number) {
  const before = text.slice(0, cursor);
  const value = /(?:^|\s)(status|provider):(\w*)$/.exec(before);
  if (value) {
    const values = { status: ["ok", "error"], provider: ["openai", "anthropic"] }[value[1] ?? ""] ?? [];
    return {
      start: cursor - (value[2]?.length ?? 0),
      end: cursor,
      expected: "value",
      fault: null,
      items: values
        .filter((one) => one.startsWith(value[2] ?? ""))
        .map((one) => ({ label: one, insert: one, about: null, count: 42 })),
    };
  }
  const [word = ""] = /[a-z_]*$/.exec(before) ?? [];
  return {
    start: cursor - word.length,
    end: cursor,
    expected: "field",
    fault: null,
    items: NAMES.filter((name) => name.startsWith(word)).map((name) => ({
      label: name,
      insert: `${name}:`,
      about: `the ${name}`,
      count: null,
    })),
  };
}

function textOf(row: TraceRow, column: string): string | null {
  const value = column === "model" ? modelOf(row) : row[column as keyof TraceRow];
  return value === null || value === undefined ? null : String(value);
}

function groupBy<Key>(rows: readonly TraceRow[], keyOf: (row: TraceRow) => Key): Map<Key, TraceRow[]> {
  const groups = new Map<Key, TraceRow[]>();
  for (const row of rows) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  return groups;
}

/** Estimates are of a thousand times as much, 4 % to either side. */
function scaled(count: number, about: boolean) {
  return about ? { count: count * 1000, margin: count * 40 } : { count, margin: 0 };
}

function facetOf(rows: readonly TraceRow[], column: string, about: boolean) {
  const counts = new Map<string | null, number>();
  for (const row of rows) counts.set(textOf(row, column), (counts.get(textOf(row, column)) ?? 0) + 1);
  const values = [...counts]
    .map(([value, count]) => ({ value, name: null, ...scaled(count, about) }))
    .sort((a, b) => b.count - a.count);
  return { column, values };
}

function groupsOf(rows: readonly TraceRow[], by: readonly string[], about: boolean) {
  const groups = groupBy(rows, (row) => JSON.stringify(by.map((column) => textOf(row, column))));
  return [...groups].map(([key, own]) => {
    const totals = totalsOf(own);
    const { count: calls, margin } = scaled(totals.calls, about);
    return {
      labels: JSON.parse(key) as (string | null)[],
      calls,
      margin,
      errors: totals.errors,
      p50: totals.p50,
      p95: totals.p95,
      tokens: totals.usage.total,
      cost: totals.cost,
      cost_unknown: totals.cost_unknown_calls,
    };
  });
}

function activitiesOf(rows: readonly TraceRow[], of: "session" | "user") {
  const groups = groupBy(
    rows.filter((row) => row[of] !== null),
    (row) => row[of],
  );
  return [...groups].map(([name, own]) => {
    const totals = totalsOf(own);
    return {
      id: name,
      other: own[0]?.[of === "session" ? "user" : "session"] ?? null,
      first: Math.min(...own.map((row) => row.started)),
      last: Math.max(...own.map((row) => row.started + row.duration)),
      spans: own.length,
      calls: own.length,
      errors: totals.errors,
      tokens: totals.usage.total,
      cost: totals.cost,
      cost_unknown: totals.cost_unknown_calls,
    };
  });
}
