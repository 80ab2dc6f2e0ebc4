/** A trace, and of a large one each span's text when it is looked at. */

import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { Score, SpanRecord, Trace } from "@/api/types";
import { spansOfOutline } from "@/lib/outline";
import { useSignedIn } from "@/lib/session";

export function traceQuery(project: string, traceId: string) {
  return queryOptions({
    queryKey: ["trace", project, traceId],
    queryFn: async ({ signal }): Promise<Trace> => {
      const params = { path: { trace_id: traceId }, query: { project, outline: true } };
      const trace = bodyOf(await api.GET("/api/v1/traces/{trace_id}", { params, signal }));
      if (!trace.outline) return trace;
      return { ...trace, spans: spansOfOutline(project, trace.trace_id, trace.outline), outline: null };
    },
    // Comparing 20,000 spans with those of before takes longer than drawing those in view.
    structuralSharing: false,
    staleTime: 60_000,
  });
}

/** One span with everything that is known of it. What is stored never changes. */
export function spanQuery(project: string, traceId: string, spanId: string) {
  return queryOptions({
    queryKey: ["span", project, traceId, spanId],
    queryFn: async ({ signal }): Promise<SpanRecord> => {
      const params = { path: { trace_id: traceId, span_id: spanId }, query: { project } };
      return bodyOf(await api.GET("/api/v1/traces/{trace_id}/spans/{span_id}", { params, signal }));
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useTrace(traceId: string) {
  const { project } = useSignedIn();
  return useQuery(traceQuery(project.id, traceId));
}

/** The span with its text: the one given when the trace came whole, else fetched. */
export function useWholeSpan(trace: Trace, span: SpanRecord) {
  const { project } = useSignedIn();
  const whole = trace.complete !== false;
  const { data, error, refetch } = useQuery({
    ...spanQuery(project.id, trace.trace_id, span.span_id),
    enabled: !whole,
  });
  return { span: whole ? span : (data ?? span), loading: !whole && !data && !error, error, refetch };
}

const NO_SCORES: Score[] = [];
const MOST_SCORES = 200;

/** Judgements of the trace and its spans, the newest first. */
export function useScores(traceId: string): Score[] {
  const { project } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["scores", project.id, traceId],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, trace_id: traceId, limit: MOST_SCORES } };
      return bodyOf(await api.GET("/api/v1/scores", { params, signal })).items;
    },
  });
  return data ?? NO_SCORES;
}
