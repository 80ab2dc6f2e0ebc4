import { one } from "@/lib/search-params";

export interface DashboardSearch {
  /** Narrows every widget, in the filter language. */
  q?: string;
  edit?: "yes";
}

export function validateDashboard(raw: Record<string, unknown>): DashboardSearch {
  return { q: one(raw.q), edit: one(raw.edit) === "yes" ? "yes" : undefined };
}
