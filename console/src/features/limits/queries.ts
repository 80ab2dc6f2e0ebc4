import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { LimitUse } from "@/api/types";
import { useSignedIn } from "@/lib/session";

/** Sums over the current windows: dear enough not to be asked for every second. */
const REFRESH_MS = 10_000;

/** Every limit with what is used of it. */
export function useBudgets() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["limit", "budgets", project.id],
    queryFn: async ({ signal }): Promise<LimitUse[]> => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/budgets", { params, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

/** One limit with its counters, and who spends within one of them: the largest, unless `who` names another. */
export function useBudget(name: string, who: string | undefined) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["limit", "budget", project.id, name, who],
    queryFn: async ({ signal }): Promise<LimitUse> => {
      const params = { path: { name }, query: { project: project.id, who } };
      return bodyOf(await api.GET("/api/v1/budgets/{name}", { params, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: REFRESH_MS,
  });
}
