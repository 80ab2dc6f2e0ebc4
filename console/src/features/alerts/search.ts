import { one } from "@/lib/search-params";

export const ALERT_TABS = ["rules", "history", "silences", "channels", "policy"] as const;
export type AlertTab = (typeof ALERT_TABS)[number];

export interface AlertsSearch {
  tab?: AlertTab;
  /** The form for a new rule is open. */
  create?: "yes";
}

export interface AlertSearch {
  edit?: "yes";
}

export function validateAlerts(raw: Record<string, unknown>): AlertsSearch {
  const tab = ALERT_TABS.find((candidate) => candidate === one(raw.tab));
  return { tab: tab === "rules" ? undefined : tab, create: one(raw.create) === "yes" ? "yes" : undefined };
}

export function validateAlert(raw: Record<string, unknown>): AlertSearch {
  return { edit: one(raw.edit) === "yes" ? "yes" : undefined };
}
