import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { MetricResult } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import { allOf } from "@/lib/metrics";
import { useSignedIn } from "@/lib/session";
import type { Slo, SloSpec, SloStatus } from "./types";
import { badOf } from "./words";

const REFRESH_MS = 30_000;

export function useSlos() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["slos", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/slos", { params, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useSlo(id: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["slos", project.id, id],
    queryFn: async ({ signal }) => {
      const params = { path: { id }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/slos/{id}", { params, signal }));
    },
  });
}

export function useSloStatus(id: string, points = 200) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["slos", project.id, id, "status", points],
    queryFn: async ({ signal }): Promise<SloStatus> => {
      const params = { path: { id }, query: { project: project.id, points } };
      return bodyOf(await api.GET("/api/v1/slos/{id}/status", { params, signal }));
    },
    refetchInterval: REFRESH_MS,
  });
}

/** What the status of an objective would be that is not saved. */
export function useSloTest(spec: SloSpec | null) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["slos", project.id, "test", spec],
    queryFn: async ({ signal }): Promise<SloStatus> => {
      const params = { query: { project: project.id, points: 200 } };
      return bodyOf(await api.POST("/api/v1/slos/test", { params, body: spec as SloSpec, signal }));
    },
    enabled: spec !== null,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** Bad calls of the period in groups of a column, the most first. */
export function useWorst(slo: Slo, status: SloStatus, column: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["slos", project.id, slo.id, "worst", slo.version, status.from, column],
    queryFn: async ({ signal }): Promise<MetricResult> => {
      const { indicator } = slo.spec;
      const body = {
        population: indicator.kind === "score" ? ("scores" as const) : ("calls" as const),
        aggregation: "count" as const,
        q: allOf(indicator.q, badOf(indicator)),
        group_by: [column],
        top: 8,
        from: status.from,
        to: Math.min(status.to, nowMicroseconds()),
        exact: true,
      };
      return bodyOf(
        await api.POST("/api/v1/metrics/query", { params: { query: { project: project.id } }, body, signal }),
      );
    },
  });
}

export function useSloWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () => client.invalidateQueries({ queryKey: ["slos", project.id] });
  return {
    save: useMutation({
      mutationFn: async ({ id, spec }: { id: string | null; spec: SloSpec }) =>
        id === null
          ? bodyOf(await api.POST("/api/v1/slos", { params: { query }, body: spec }))
          : bodyOf(await api.PUT("/api/v1/slos/{id}", { params: { path: { id }, query }, body: spec })),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: async (id: string) => {
        await api.DELETE("/api/v1/slos/{id}", { params: { path: { id }, query } });
      },
      // Not the objective itself: its page is left at this moment, and it is not there any more.
      onSuccess: () => client.invalidateQueries({ queryKey: ["slos", project.id], exact: true }),
    }),
  };
}
