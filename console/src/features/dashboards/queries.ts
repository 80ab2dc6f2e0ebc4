import { keepPreviousData, useMutation, useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { allOf, stepFor } from "@/lib/metrics";
import { useSignedIn } from "@/lib/session";
import { type TimeWindow, windowOf } from "@/lib/time-range";
import { useExact } from "@/lib/use-exact";
import {
  type Dashboard,
  type DashboardDocument,
  type Distribution,
  type MetricResult,
  type Widget,
  type WidgetQuery,
  whole,
} from "./types";

const REFRESH_MS = 30_000;
/** Percentiles of the bands, the middle first. */
export const BANDS = ["p50", "p75", "p90", "p95", "p99"] as const;

export function useDashboards() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["dashboards", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/dashboards", { params, signal })).items;
    },
  });
}

export function useDashboard(id: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["dashboards", project.id, id],
    queryFn: async ({ signal }) => {
      const params = { path: { dashboard: id }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/dashboards/{dashboard}", { params, signal }));
    },
    select: (found) => ({ ...found, document: whole(found.document) }),
    refetchOnWindowFocus: false,
  });
}

export function useDashboardWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () => client.invalidateQueries({ queryKey: ["dashboards", project.id] });
  const at = (dashboard: string) => ({ params: { path: { dashboard }, query } });
  return {
    create: useMutation({
      mutationFn: async (body: DashboardDocument) =>
        bodyOf(await api.POST("/api/v1/dashboards", { params: { query }, body })),
      onSuccess,
    }),
    save: useMutation({
      mutationFn: async ({
        id,
        version,
        document,
      }: {
        id: string;
        version: string;
        document: DashboardDocument;
      }) => {
        const params = { path: { dashboard: id }, query, header: { "if-match": version } };
        return bodyOf(await api.PUT("/api/v1/dashboards/{dashboard}", { params, body: document }));
      },
      onSuccess: (saved: Dashboard) => {
        client.setQueryData(["dashboards", project.id, saved.id], saved);
        void client.invalidateQueries({ queryKey: ["dashboards", project.id], exact: true });
      },
    }),
    duplicate: useMutation({
      mutationFn: async (id: string) =>
        bodyOf(await api.POST("/api/v1/dashboards/{dashboard}/duplicate", at(id))),
      onSuccess,
    }),
    reset: useMutation({
      mutationFn: async (id: string) =>
        bodyOf(await api.POST("/api/v1/dashboards/{dashboard}/reset", at(id))),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: async (id: string) => {
        await api.DELETE("/api/v1/dashboards/{dashboard}", at(id));
      },
      // Not the dashboard itself: its page is left at this moment, and it is not there any more.
      onSuccess: () => client.invalidateQueries({ queryKey: ["dashboards", project.id], exact: true }),
    }),
    restore: useMutation({
      mutationFn: async () => bodyOf(await api.POST("/api/v1/dashboards/restore", { params: { query } })),
      onSuccess,
    }),
  };
}

export function useCatalog() {
  return useQuery({
    queryKey: ["metric-catalog"],
    queryFn: async ({ signal }) => bodyOf(await api.GET("/api/v1/metrics/catalog", { signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** What a widget shows: an answer per query (per percentile for bands), or one distribution. */
export interface WidgetData {
  window: TimeWindow;
  step: number;
  results: MetricResult[];
  distribution: Distribution | null;
  /** The share of the spans that were asked: 1 when nothing is an estimate. */
  sample: number;
  /** Steps of which nothing is known. */
  unknown: number;
}

type Part = {
  result: MetricResult | null;
  distribution: Distribution | null;
  window: TimeWindow;
  step: number;
};

/** Asks what a widget shows, over the address's time range, under the dashboard's filter. */
export function useWidgetData(widget: Widget, filter: string) {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  const questions = questionsOf(widget);
  const { exact, count } = useExact([project.id, range, filter, widget.type, questions]);
  const parts = useQueries({
    queries: questions.map((question) => ({
      queryKey: ["widget", project.id, range, filter, widget.type, question, exact],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<Part> => {
        const window = windowOf(range, nowMicroseconds());
        const step = question.step ?? stepFor(window);
        const asked = { project: project.id, window, step, filter, exact: exact === true, signal };
        return isDistribution(widget)
          ? { window, step, result: null, distribution: await askDistribution(widget, question, asked) }
          : { window, step, result: await askMetric(question, asked), distribution: null };
      },
      placeholderData: keepPreviousData,
      // What takes long is not asked again by itself.
      refetchInterval: live && !exact ? REFRESH_MS : (false as const),
      staleTime: 10_000,
    })),
    combine: (answers) => ({
      parts: answers.map((answer) => answer.data),
      error: answers.find((answer) => answer.error)?.error ?? null,
      loading: answers.some((answer) => answer.isPending),
      fetching: answers.some((answer) => answer.isFetching),
      retry: () => {
        for (const answer of answers) void answer.refetch();
      },
    }),
  });
  const [first] = parts.parts;
  const data: WidgetData | null =
    first && parts.parts.every((part) => part !== undefined)
      ? {
          window: first.window,
          step: first.step,
          results: parts.parts.flatMap((part) => part?.result ?? []),
          distribution: first.distribution,
          sample: Math.min(1, ...answersOf(parts.parts).map((answer) => answer.sample)),
          unknown: Math.max(0, ...parts.parts.map((part) => part?.result?.unknown ?? 0)),
        }
      : null;
  return {
    data,
    error: parts.error,
    loading: parts.loading,
    retry: parts.retry,
    countExactly: count,
    counting: exact === true && parts.fetching,
  };
}

function answersOf(parts: readonly (Part | undefined)[]): (MetricResult | Distribution)[] {
  return parts.flatMap((part) => part?.result ?? part?.distribution ?? []);
}

function isDistribution(widget: Widget): boolean {
  return widget.type === "heatmap" || widget.type === "histogram";
}

function questionsOf(widget: Widget): WidgetQuery[] {
  const [first] = widget.queries;
  if (widget.type === "percentiles" && first)
    return BANDS.map((aggregation) => ({ ...first, aggregation, group_by: [] }));
  return widget.queries;
}

interface Asked {
  project: string;
  window: TimeWindow;
  step: number;
  filter: string;
  exact: boolean;
  signal: AbortSignal;
}

async function askMetric(question: WidgetQuery, { project, window, step, filter, exact, signal }: Asked) {
  const { label: _label, buckets: _buckets, step: _step, ...metric } = question;
  const body = { ...metric, q: allOf(filter, metric.q), ...window, step, exact };
  return bodyOf(await api.POST("/api/v1/metrics/query", { params: { query: { project } }, body, signal }));
}

async function askDistribution(widget: Widget, question: WidgetQuery, asked: Asked): Promise<Distribution> {
  const body = {
    population: question.population,
    field: question.field ?? "duration",
    q: allOf(asked.filter, question.q),
    buckets: question.buckets,
    ...asked.window,
    step: widget.type === "heatmap" ? asked.step : null,
    exact: asked.exact,
  };
  const params = { query: { project: asked.project } };
  return bodyOf(await api.POST("/api/v1/metrics/distribution", { params, body, signal: asked.signal }));
}
