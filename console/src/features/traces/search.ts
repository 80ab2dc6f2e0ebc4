import { parseFilter } from "@/lib/filters";
import { many, one } from "@/lib/search-params";

export interface TracesSearch {
  /** `column:operator:value`, all of which must hold. */
  filter?: string[];
  /** Words in input or output. */
  q?: string;
  /** Columns to show, when they differ from the usual ones. */
  cols?: string;
}

export function validateTraces(raw: Record<string, unknown>): TracesSearch {
  const filter = many(raw.filter).filter((text) => parseFilter(text) !== null);
  return { filter: filter.length ? filter : undefined, q: one(raw.q), cols: one(raw.cols) };
}

export const TABS = ["conversation", "details", "raw"] as const;
export type Tab = (typeof TABS)[number];

export interface TraceSearch {
  /** The selected span. */
  span?: string;
  tab?: Tab;
}

export function validateTrace(raw: Record<string, unknown>): TraceSearch {
  const span = one(raw.span);
  const tab = one(raw.tab);
  return {
    span: span && /^[0-9a-f]{16}$/.test(span) ? span : undefined,
    tab: TABS.find((candidate) => candidate === tab),
  };
}
