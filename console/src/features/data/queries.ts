import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { paths } from "@/api/generated/schema";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";

type Ok<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;
type Sent<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } }
  ? Body
  : never;

export type Disk = Ok<paths["/api/v1/system"]["get"]>["disk"];
export type Deletion = Ok<paths["/api/v1/deletions"]["get"]>["items"][number];
export type DeletionRequest = Sent<paths["/api/v1/deletions"]["post"]>;
export type RetentionPolicy = Sent<paths["/api/v1/retention"]["put"]>;

export function useSystem() {
  return useQuery({
    queryKey: ["system"],
    queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/system", { signal })),
    refetchInterval: 60_000,
  });
}

export function useRetention() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["retention", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/retention", { params, signal }));
    },
    refetchOnWindowFocus: false,
  });
}

export function useRetentionWrite() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: RetentionPolicy) =>
      bodyOf(await api.PUT("/api/v1/retention", { params: { query: { project: project.id } }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["retention", project.id] }),
  });
}

/** Quickly while one is under way. */
export function useDeletions() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["deletions", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, limit: 50 } };
      return bodyOf(await api.GET("/api/v1/deletions", { params, signal })).items;
    },
    refetchInterval: (query) => (query.state.data?.some((one) => one.state !== "done") ? 2_000 : 30_000),
  });
}

export function useDeletionStart() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: DeletionRequest) =>
      bodyOf(await api.POST("/api/v1/deletions", { params: { query: { project: project.id } }, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["deletions", project.id] }),
  });
}

/** The earliest time that is asked about: the store keeps nothing from before it. */
const BEGINNING = 1;

/** How many traces a search finds, of all that is kept or of what is older than a time. */
export function useTraceCount(q: string | null, before: number | null) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["deletions", project.id, "count", q, before],
    queryFn: async ({ signal }) => {
      const body = {
        population: before === null || q ? ("traces" as const) : ("spans" as const),
        aggregation: "count" as const,
        q: q ?? "",
        group_by: [],
        top: 1,
        from: BEGINNING,
        to: before ?? nowMicroseconds(),
        exact: true,
      };
      const params = { query: { project: project.id } };
      const result = bodyOf(await api.POST("/api/v1/metrics/query", { params, body, signal }));
      return result.series[0]?.total.count ?? 0;
    },
    enabled: q !== null || before !== null,
    retry: false,
  });
}
