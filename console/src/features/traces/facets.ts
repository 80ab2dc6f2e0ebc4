/** The values that occur in some columns under the filter, with how often; and calls counted in groups. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import { useExact } from "@/lib/use-exact";
import type { TracesSearch } from "./search";

/** What the panel offers, in its order; those without values are left out. */
export const FACET_COLUMNS = [
  { id: "status", label: "Status" },
  { id: "kind", label: "Kind" },
  { id: "source", label: "Source" },
  { id: "service", label: "Service" },
  { id: "provider", label: "Provider" },
  { id: "model", label: "Model" },
  { id: "route", label: "Route" },
  { id: "variant", label: "Variant" },
  { id: "operation", label: "Operation" },
  { id: "key", label: "Key" },
  { id: "cache", label: "Cache" },
  { id: "error_type", label: "Error" },
  { id: "http_status", label: "HTTP status" },
  { id: "prompt_name", label: "Prompt" },
] as const;

const REFRESH_MS = 30_000;

export function useFacets(search: TracesSearch, enabled: boolean) {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  const { q, filter } = search;
  const question = ["facets", project.id, range, q, filter];
  const { exact, count } = useExact(question);
  const found = useQuery({
    queryKey: [...question, exact],
    queryFn: async ({ signal }) => {
      const query = {
        project: project.id,
        ...windowOf(range, nowMicroseconds()),
        columns: FACET_COLUMNS.map((column) => column.id).join(","),
        q,
        filter,
        exact,
      };
      return bodyOf(await api.GET("/api/v1/facets", { params: { query }, signal }));
    },
    enabled,
    placeholderData: keepPreviousData,
    staleTime: 20_000,
    // What takes long is not asked again by itself.
    refetchInterval: live && !exact ? REFRESH_MS : false,
  });
  return { ...found, countExactly: count, counting: exact === true && found.isFetching };
}

export function useGroups(search: TracesSearch, by: readonly string[]) {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  const { q, filter } = search;
  const question = ["groups", project.id, range, q, filter, by];
  const { exact, count } = useExact(question);
  const found = useQuery({
    queryKey: [...question, exact],
    queryFn: async ({ signal }) => {
      const query = {
        project: project.id,
        ...windowOf(range, nowMicroseconds()),
        by: by.join(","),
        q,
        filter,
        exact,
      };
      return bodyOf(await api.GET("/api/v1/groups", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: live && !exact ? REFRESH_MS : false,
  });
  return { ...found, countExactly: count, counting: exact === true && found.isFetching };
}
