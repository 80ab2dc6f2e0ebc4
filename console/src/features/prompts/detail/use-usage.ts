/** What calls with each version of a prompt cost, took and were scored, in the address's time range. */

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { MetricResult } from "@/api/types";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { termOf } from "@/lib/query-text";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";

const REFRESH_MS = 15_000;
const MOST_VERSIONS = 50;
const MOST_SCORES = 6;

interface Question {
  aggregation: "count" | "share" | "avg" | "p50" | "p95";
  field?: string;
  of?: string;
}

const QUESTIONS = {
  calls: { aggregation: "count" },
  errors: { aggregation: "share", of: "status:error" },
  p50: { aggregation: "p50", field: "duration" },
  p95: { aggregation: "p95", field: "duration" },
  cost: { aggregation: "avg", field: "cost" },
} as const satisfies Record<string, Question>;

export interface VersionUse {
  version: string;
  calls: number;
  errors: number | null;
  p50: number | null;
  p95: number | null;
  /** Nano-dollars of a call. */
  cost: number | null;
  scores: (number | null)[];
}

export interface PromptUse {
  versions: VersionUse[] | null;
  scoreNames: string[];
  error: Error | null;
  retry: () => void;
}

export function usePromptUse(name: string): PromptUse {
  const { range, live } = useAddress();
  const { project, may } = useSignedIn();
  const scoreNames = useScoreNames();
  const asked: Question[] = [
    ...Object.values(QUESTIONS),
    ...scoreNames.map((one) => ({ aggregation: "avg" as const, field: `score.${one}` })),
  ];
  return useQueries({
    queries: asked.map((question) => ({
      queryKey: ["prompt", "use", project.id, name, range, question],
      queryFn: async ({ signal }: { signal: AbortSignal }): Promise<MetricResult> => {
        const body = {
          population: "calls" as const,
          q: termOf("prompt", name),
          group_by: ["prompt_version"],
          top: MOST_VERSIONS,
          exact: true,
          ...question,
          ...windowOf(range, nowMicroseconds()),
        };
        const params = { query: { project: project.id } };
        return bodyOf(await api.POST("/api/v1/metrics/query", { params, body, signal }));
      },
      placeholderData: keepPreviousData,
      enabled: may("traces:read"),
      refetchInterval: live ? REFRESH_MS : (false as const),
    })),
    combine: (answers) => {
      const results = answers.map((answer) => answer.data);
      const ready = results.slice(0, Object.keys(QUESTIONS).length).every(Boolean);
      return {
        versions: ready ? versionsOf(results) : null,
        scoreNames,
        error: answers.find((answer) => answer.error)?.error ?? null,
        retry: () => {
          for (const answer of answers) void answer.refetch();
        },
      };
    },
  });
}

/** Names of scores that were given lately. */
function useScoreNames(): string[] {
  const { project, may } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["score-names", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, limit: 200 } };
      const { items } = bodyOf(await api.GET("/api/v1/scores", { params, signal }));
      return [...new Set(items.map((score) => score.name))].sort().slice(0, MOST_SCORES);
    },
    enabled: may("traces:read"),
    staleTime: 60_000,
  });
  return data ?? NO_NAMES;
}

const NO_NAMES: string[] = [];

function versionsOf(results: readonly (MetricResult | undefined)[]): VersionUse[] {
  const values = results.map((result) => {
    const found = new Map<string, number | null>();
    for (const series of result?.series ?? []) {
      const version = series.labels[0];
      if (version) found.set(version, series.total.value ?? null);
    }
    return found;
  });
  const [calls, errors, p50, p95, cost, ...scores] = values;
  const versions = [...(calls?.keys() ?? [])].sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => ({
    version,
    calls: calls?.get(version) ?? 0,
    errors: errors?.get(version) ?? null,
    p50: p50?.get(version) ?? null,
    p95: p95?.get(version) ?? null,
    cost: cost?.get(version) ?? null,
    scores: scores.map((one) => one.get(version) ?? null),
  }));
}
