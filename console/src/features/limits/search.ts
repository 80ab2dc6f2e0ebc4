import { one } from "@/lib/search-params";

export interface LimitsSearch {
  /** The form for a new limit is open. */
  create?: "yes";
}

export const LIMIT_TABS = ["use", "definition", "history"] as const;
export type LimitTab = (typeof LIMIT_TABS)[number];

export interface LimitSearch {
  tab?: LimitTab;
  /** The counter whose spending is shown: id of a project, key, user or tag. */
  who?: string;
}

export function validateLimits(raw: Record<string, unknown>): LimitsSearch {
  return { create: one(raw.create) === "yes" ? "yes" : undefined };
}

export function validateLimit(raw: Record<string, unknown>): LimitSearch {
  const tab = LIMIT_TABS.find((candidate) => candidate === one(raw.tab));
  return { tab: tab === "use" ? undefined : tab, who: one(raw.who) };
}
