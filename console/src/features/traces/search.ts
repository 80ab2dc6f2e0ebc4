import { parseFilter } from "@/lib/filters";
import { many, one } from "@/lib/search-params";

export interface TracesSearch {
  /** `column:operator:value`, all of which must hold: how links of other pages narrow the list. */
  filter?: string[];
  /** What a person looks for, in the filter language. */
  q?: string;
  /** Columns to show, when they differ from the person's own. */
  cols?: string;
  /** `-cost`: the most first. Newest first when there is none. */
  sort?: string;
  /** One or two columns by which the calls are counted in groups. */
  group?: string;
}

export const USUAL_SORT = "-started";

export function validateTraces(raw: Record<string, unknown>): TracesSearch {
  const filter = many(raw.filter).filter((text) => parseFilter(text) !== null);
  const sort = one(raw.sort);
  const group = one(raw.group);
  return {
    filter: filter.length ? filter : undefined,
    q: one(raw.q),
    cols: one(raw.cols),
    sort: sort && /^-?[a-z_.]+$/.test(sort) && sort !== USUAL_SORT ? sort : undefined,
    group: group && /^[\w.,@/-]+$/.test(group) ? group : undefined,
  };
}

export const TABS = ["conversation", "details", "scores", "raw"] as const;
export type Tab = (typeof TABS)[number];

/** How a trace is looked at: its spans, its messages, who called whom. */
export const VIEWS = ["spans", "thread", "graph"] as const;
export type View = (typeof VIEWS)[number];

export interface TraceSearch {
  /** The selected span. */
  span?: string;
  tab?: Tab;
  view?: View;
}

export function validateTrace(raw: Record<string, unknown>): TraceSearch {
  const span = one(raw.span);
  const tab = one(raw.tab);
  const view = one(raw.view);
  return {
    span: span && /^[0-9a-f]{16}$/.test(span) ? span : undefined,
    tab: TABS.find((candidate) => candidate === tab),
    view: VIEWS.find((candidate) => candidate === view),
  };
}

export interface CompareSearch {
  /** Trace ids, the first on the left. */
  a?: string;
  b?: string;
  /** The selected row, by the left span's id or the right one's. */
  span?: string;
}

const TRACE_ID = /^[0-9a-f]{32}$/;

export function validateCompare(raw: Record<string, unknown>): CompareSearch {
  const [a, b, span] = [one(raw.a), one(raw.b), one(raw.span)];
  return {
    a: a && TRACE_ID.test(a) ? a : undefined,
    b: b && TRACE_ID.test(b) ? b : undefined,
    span: span && /^[0-9a-f]{16}$/.test(span) ? span : undefined,
  };
}
