import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { toAddress } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";

const POLL_MS = 500;
const QUIET_MS = 30_000;
const PAGE = 100;

/** Types that a definition may name. */
export function useEvaluatorTypes() {
  return useQuery({
    queryKey: ["evaluator-types"],
    queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/evaluators/types", { signal })).items,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Evaluators of the project with the standing of their versions. */
export function useKnownEvaluators(judges = false) {
  const { project, may } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["evaluators", project.id, judges],
    queryFn: async ({ pageParam, signal }) => {
      const query = { project: project.id, judges, cursor: pageParam ?? undefined, limit: PAGE };
      return bodyOf(await api.GET("/api/v1/evaluators", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: QUIET_MS,
    enabled: may("evaluators:read"),
  });
}

/** Reports of a judge, newest first. */
export function useReports(name: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["calibrations", project.id, name],
    queryFn: async ({ signal }) => {
      const params = { path: { name: toAddress(name) }, query: { project: project.id, limit: PAGE } };
      return bodyOf(await api.GET("/api/v1/evaluators/{name}/calibrations", { params, signal })).items;
    },
  });
}

/** One report with where judge and people differ. */
export function useReport(name: string, id: string | undefined) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["calibrations", project.id, name, id],
    queryFn: async ({ signal }) => {
      const params = { path: { name: toAddress(name), id: id ?? "" }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/evaluators/{name}/calibrations/{id}", { params, signal }));
    },
    enabled: id !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export interface RunWanted {
  name: string;
  version: string;
  queue?: { queue: string; question: string };
  dataset?: { dataset: string; version: string; label: string; answer: string };
}

/** Starts a calibration; what is started is followed with `useRun`. */
export function useStartRun() {
  const { project } = useSignedIn();
  return useMutation({
    mutationFn: async ({ name, ...body }: RunWanted) => {
      const params = { path: { name: toAddress(name) }, query: { project: project.id } };
      const sent = { limit: 1000, others: 200, ...body };
      return bodyOf(
        await api.POST("/api/v1/evaluators/{name}/calibration-runs", { params, body: sent as never }),
      );
    },
  });
}

export function useRun(id: string | undefined) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useQuery({
    queryKey: ["calibration-run", project.id, id],
    queryFn: async ({ signal }) => {
      const params = { path: { id: id ?? "" }, query: { project: project.id } };
      const run = bodyOf(await api.GET("/api/v1/evaluators/calibration-runs/{id}", { params, signal }));
      if (run.state === "done") {
        await client.invalidateQueries({ queryKey: ["evaluators", project.id] });
        await client.invalidateQueries({ queryKey: ["calibrations", project.id, run.name] });
      }
      return run;
    },
    enabled: id !== undefined,
    refetchInterval: ({ state }) =>
      state.data && ["done", "failed"].includes(state.data.state) ? false : POLL_MS,
  });
}
