import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { RouteStats, TopRow } from "@/api/types";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { type TimeRange, windowOf } from "@/lib/time-range";

const REFRESH_MS = 5_000;
/** How many routes the overview names at most; others are asked for one by one. */
const TOP = 10;

export interface RouteTotals {
  calls: number;
  errors: number;
  /** Microseconds; null when there is none, or it is not known without reading every call. */
  p95: number | null;
  /** Nano-dollars; null when no cost is known. */
  cost: number | null;
}

function statsQuery(project: string, name: string, everywhere: boolean, range: TimeRange) {
  return {
    queryKey: ["route", "stats", project, name, everywhere, range] as const,
    queryFn: async ({ signal }: { signal: AbortSignal }): Promise<RouteStats> => {
      const query = { project, everywhere, ...windowOf(range, nowMicroseconds()) };
      const params = { path: { name }, query };
      return bodyOf(await api.GET("/api/v1/routes/{name}/stats", { params, signal }));
    },
    placeholderData: keepPreviousData,
  };
}

/** What a route and its variants served in the address's window; follows the clock while live. */
export function useRouteStats(name: string, everywhere: boolean) {
  const { range, live } = useAddress();
  const { project, may } = useSignedIn();
  return useQuery({
    ...statsQuery(project.id, name, everywhere, range),
    enabled: may("traces:read"),
    refetchInterval: live ? REFRESH_MS : false,
  });
}

/** Totals by route: the most called from the overview, the others from their own statistics. */
export function useRouteTotals(names: readonly string[]): ReadonlyMap<string, RouteTotals> | null {
  const { range, live } = useAddress();
  const { project, may } = useSignedIn();
  const { data: top } = useQuery({
    queryKey: ["route", "top", project.id, range],
    queryFn: async ({ signal }): Promise<TopRow[]> => {
      const query = { project: project.id, ...windowOf(range, nowMicroseconds()), points: 1 };
      return bodyOf(await api.GET("/api/v1/overview", { params: { query }, signal })).top.routes;
    },
    enabled: may("traces:read"),
    placeholderData: keepPreviousData,
    refetchInterval: live ? REFRESH_MS : false,
  });
  const known = new Map<string, RouteTotals>(top?.map((row) => [row.name, row]));
  const rest = top && top.length >= TOP ? names.filter((name) => !known.has(name)) : [];
  const others = useQueries({ queries: rest.map((name) => statsQuery(project.id, name, false, range)) });
  if (!top) return null;
  for (const [index, name] of rest.entries()) {
    const stats = others[index]?.data;
    if (stats) known.set(name, totalsOf(stats));
  }
  return known;
}

/** Of several variants there is no p95 of all. */
export function totalsOf(stats: RouteStats): RouteTotals {
  const costs = stats.variants.flatMap((one) => (one.cost === null ? [] : [one.cost]));
  const used = stats.variants.filter((one) => one.attempts > 0);
  return {
    calls: stats.calls,
    errors: stats.errors,
    p95: used.length === 1 ? (used[0]?.p95 ?? null) : null,
    cost: costs.length ? costs.reduce((sum, cost) => sum + cost, 0) : stats.calls ? null : 0,
  };
}
