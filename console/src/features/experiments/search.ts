import { one } from "@/lib/search-params";
import type { Change } from "./types";

export interface ExperimentsSearch {
  /** The form for a new experiment is open. */
  create?: "yes";
  /** For the form: the dataset, as `name@version`. */
  dataset?: string;
  /** For the form: the experiment whose parts it begins with. */
  like?: string;
}

export const EXPERIMENT_TABS = ["results", "rows", "setup"] as const;
export type ExperimentTab = (typeof EXPERIMENT_TABS)[number];
export const CHANGES = ["fell", "rose", "same", "missing"] as const;
export const ORDERS = ["fall", "rise", "position"] as const;
export type Order = (typeof ORDERS)[number];

export interface ExperimentSearch {
  tab?: ExperimentTab;
  metric?: string;
  variant?: string;
  /** Undefined: where it got worse first. */
  order?: Order;
  change?: Change;
  /** Position of the row that is open. */
  row?: string;
}

export function validateExperiments(raw: Record<string, unknown>): ExperimentsSearch {
  return {
    create: one(raw.create) === "yes" ? "yes" : undefined,
    dataset: one(raw.dataset),
    like: one(raw.like),
  };
}

export function validateExperiment(raw: Record<string, unknown>): ExperimentSearch {
  const tab = EXPERIMENT_TABS.find((candidate) => candidate === one(raw.tab));
  const row = one(raw.row);
  return {
    tab: tab === "results" ? undefined : tab,
    metric: one(raw.metric),
    variant: one(raw.variant),
    order: ORDERS.find((candidate) => candidate === one(raw.order)),
    change: CHANGES.find((candidate) => candidate === one(raw.change)),
    row: row && /^\d{1,9}$/.test(row) ? row : undefined,
  };
}
