import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useSignedIn } from "@/lib/session";
import type { Order } from "./search";
import type { Change, Experiment, ExperimentSpec } from "./types";
import { isActive } from "./words";

const RUNNING_MS = 1_000;
const QUIET_MS = 15_000;
const SUMMARY_MS = 5_000;
const PAGE = 50;

/** All experiments of the project, newest first. */
export function useExperiments() {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["experiments", project.id],
    queryFn: async ({ pageParam, signal }) => {
      const query = { project: project.id, cursor: pageParam ?? undefined, limit: PAGE };
      return bodyOf(await api.GET("/api/v1/experiments", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: (query) => {
      const pages = query.state.data?.pages ?? [];
      return pages.some((page) => page.items.some((one) => isActive(one.state))) ? 2 * RUNNING_MS : QUIET_MS;
    },
  });
}

/** One of them. `live`: news of it come by themselves, and it is asked for rarely. */
export function useExperiment(id: string, live: boolean) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["experiment", project.id, id],
    queryFn: async ({ signal }): Promise<Experiment> => {
      const params = { path: { experiment: id }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/experiments/{experiment}", { params, signal }));
    },
    refetchInterval: ({ state }) =>
      state.data && isActive(state.data.state) && !live ? RUNNING_MS : QUIET_MS,
  });
}

/** Every figure; asked again while it runs, and whenever its counts have moved. */
export function useSummary({ id, state, counts }: Experiment) {
  const { project } = useSignedIn();
  const active = isActive(state);
  return useQuery({
    queryKey: [
      "experiment",
      project.id,
      id,
      "summary",
      active ? "running" : `${counts.done} ${counts.errors}`,
    ],
    queryFn: async ({ signal }) => {
      const params = { path: { experiment: id }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/experiments/{experiment}/summary", { params, signal }));
    },
    placeholderData: keepPreviousData,
    enabled: counts.done + counts.errors > 0,
    refetchInterval: active ? SUMMARY_MS : false,
  });
}

interface RowTerms {
  metric: string | undefined;
  variant: string | undefined;
  order: Order;
  change: Change | undefined;
}

/** Rows in the order of how a metric changed. */
export function useDifferences(id: string, { metric, variant, order, change }: RowTerms) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["experiment", project.id, id, "differences", metric, variant, order, change],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        project: project.id,
        metric: metric ?? "",
        variant,
        order,
        change,
        cursor: pageParam,
        limit: 2 * PAGE,
      };
      const params = { path: { experiment: id }, query };
      return bodyOf(await api.GET("/api/v1/experiments/{experiment}/differences", { params, signal }));
    },
    initialPageParam: 0,
    getNextPageParam: (last) => (last.next_cursor === null ? undefined : Number(last.next_cursor)),
    placeholderData: keepPreviousData,
    enabled: metric !== undefined,
  });
}

/** One row, and what every variant answered. */
export function useRowView(id: string, position: number | null) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["experiment", project.id, id, "row", position],
    queryFn: async ({ signal }) => {
      const params = { path: { experiment: id, position: position ?? 0 }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/experiments/{experiment}/rows/{position}", { params, signal }));
    },
    enabled: position !== null,
    placeholderData: keepPreviousData,
  });
}

export type Act = "start" | "pause" | "cancel";

export function useExperimentActs() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSettled = async () => {
    await client.invalidateQueries({ queryKey: ["experiments", project.id] });
  };
  return {
    create: useMutation({
      mutationFn: async ({
        spec,
        cache,
        start,
      }: {
        spec: ExperimentSpec;
        cache: boolean;
        start: boolean;
      }) => {
        const made = bodyOf(
          await api.POST("/api/v1/experiments", { params: { query }, body: { spec: spec as never, cache } }),
        );
        if (!start) return made;
        const params = { path: { experiment: made.id }, query };
        return bodyOf(await api.POST("/api/v1/experiments/{experiment}/start", { params }));
      },
      onSettled,
    }),
    act: useMutation({
      mutationFn: async ({ id, act }: { id: string; act: Act }) => {
        const params = { path: { experiment: id }, query };
        if (act === "start")
          return bodyOf(await api.POST("/api/v1/experiments/{experiment}/start", { params }));
        if (act === "pause")
          return bodyOf(await api.POST("/api/v1/experiments/{experiment}/pause", { params }));
        return bodyOf(await api.POST("/api/v1/experiments/{experiment}/cancel", { params }));
      },
      onSuccess: (changed) => client.setQueryData(["experiment", project.id, changed.id], changed),
      onSettled,
    }),
  };
}
