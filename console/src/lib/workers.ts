/** What the gateway's workers say of themselves. */

import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { TargetHealth, WorkerRow } from "@/api/types";
import { useAddress } from "./address";
import { useSignedIn } from "./session";

/** Workers report once a second. */
const REFRESH_MS = 2_000;

function useReported<Row>(name: string, read: (signal: AbortSignal) => Promise<Row[]>, refreshMs: number) {
  const { live } = useAddress();
  const { may } = useSignedIn();
  return useQuery({
    queryKey: [name],
    queryFn: ({ signal }) => read(signal),
    enabled: may("system:read"),
    refetchInterval: live ? refreshMs : false,
  });
}

export function useWorkers() {
  return useReported<WorkerRow>(
    "workers",
    async (signal) => bodyOf(await api.GET("/api/v1/workers", { signal })).items,
    REFRESH_MS,
  );
}

/** Each target over all workers, those that are out first. */
export function useTargets(refreshMs = REFRESH_MS) {
  return useReported<TargetHealth>(
    "targets",
    async (signal) => bodyOf(await api.GET("/api/v1/targets", { signal })).items,
    refreshMs,
  );
}

/** Health by target, for pages that show it beside something else. Empty for who may not see it. */
export function useTargetHealth(): ReadonlyMap<string, TargetHealth> {
  const { data } = useTargets(5_000);
  return new Map((data ?? []).map((one) => [one.target, one]));
}
