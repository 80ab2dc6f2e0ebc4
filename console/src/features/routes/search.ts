import { one } from "@/lib/search-params";

export interface RoutesSearch {
  /** The form for a new route is open. */
  create?: "yes";
}

export const ROUTE_TABS = ["flow", "definition", "history"] as const;
export type RouteTab = (typeof ROUTE_TABS)[number];

export interface RouteSearch {
  tab?: RouteTab;
  /** The route of all projects is meant, although the project has its own of that name. */
  everywhere?: "yes";
}

export function validateRoutes(raw: Record<string, unknown>): RoutesSearch {
  return { create: one(raw.create) === "yes" ? "yes" : undefined };
}

export function validateRoute(raw: Record<string, unknown>): RouteSearch {
  const tab = ROUTE_TABS.find((candidate) => candidate === one(raw.tab));
  return {
    tab: tab === "flow" ? undefined : tab,
    everywhere: one(raw.everywhere) === "yes" ? "yes" : undefined,
  };
}
