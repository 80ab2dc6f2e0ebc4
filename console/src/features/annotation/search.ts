import { one } from "@/lib/search-params";

export interface QueuesSearch {
  /** The form for a new queue is open. */
  create?: "yes";
  /** For the queue that is made, or chosen: a filter of the traces to add. */
  traces?: string;
}

export const QUEUE_TABS = ["items", "quality", "rubric"] as const;
export type QueueTab = (typeof QUEUE_TABS)[number];
export const SHOWN = ["all", "disagreements", "golden", "open", "done", "skipped"] as const;
export type Shown = (typeof SHOWN)[number];
export const SOURCES = ["traces", "rows", "outputs"] as const;
export type Source = (typeof SOURCES)[number];

export interface QueueSearch {
  tab?: QueueTab;
  /** Undefined: disagreements where there are any, else all. */
  show?: Shown;
  /** Id of the item that is open. */
  item?: string;
  /** Items are brought in from here. */
  add?: Source;
  /** For the traces to add: a filter. */
  traces?: string;
  /** The form that changes the queue is open. */
  edit?: "yes";
}

export function validateQueues(raw: Record<string, unknown>): QueuesSearch {
  return { create: one(raw.create) === "yes" ? "yes" : undefined, traces: one(raw.traces) };
}

export function validateQueue(raw: Record<string, unknown>): QueueSearch {
  const tab = QUEUE_TABS.find((candidate) => candidate === one(raw.tab));
  return {
    tab: tab === "items" ? undefined : tab,
    show: SHOWN.find((candidate) => candidate === one(raw.show)),
    item: one(raw.item),
    add: SOURCES.find((candidate) => candidate === one(raw.add)),
    traces: one(raw.traces),
    edit: one(raw.edit) === "yes" ? "yes" : undefined,
  };
}
