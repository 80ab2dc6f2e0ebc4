/** Metrics: what they are called, how their values read, and their series on a common axis. */

import type { MetricResult } from "@/api/types";
import { formatCompact, formatDuration, formatMoneyShort, formatPercent, NOTHING } from "./format";
import { splitTerms, termOf } from "./query-text";
import type { TimeWindow } from "./time-range";

export type Unit = MetricResult["unit"];

const SECOND = 1_000_000;
const STEPS = [
  1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
];
const MOST_POINTS = 62;

/** A round step, in microseconds, that makes at most some sixty of a window. */
export function stepFor({ from, to }: TimeWindow): number {
  const seconds = (to - from) / SECOND;
  return (STEPS.find((step) => seconds / step <= MOST_POINTS) ?? 604_800) * SECOND;
}

/** Text of a value in its unit. An unknown cost is never `$0`. */
export function formatUnit(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return NOTHING;
  switch (unit) {
    case "share":
      return formatPercent(value);
    case "microseconds":
      return formatDuration(value);
    case "nano_dollars":
      return value === 0 ? "$0" : formatMoneyShort(value);
    case "per_second":
      return `${short(value)}/s`;
    case "tokens_per_second":
      return `${short(value)} tok/s`;
    case "count":
    case "tokens":
      return formatCompact(Math.round(value));
    default:
      return short(value);
  }
}

/** Three significant digits. */
function short(value: number): string {
  return Math.abs(value) >= 10_000 ? formatCompact(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** The same, as short as an axis wants it. */
export function axisUnit(value: number, unit: string): string {
  if (unit === "nano_dollars") return value === 0 ? "$0" : `$${short(value / 1_000_000_000)}`;
  if (unit === "microseconds" && value === 0) return "0";
  if (unit === "share") return `${Number((value * 100).toPrecision(3))}%`;
  if (unit === "microseconds" && value >= SECOND && value < 60 * SECOND) return `${short(value / SECOND)} s`;
  return formatUnit(value, unit);
}

/** Units in which a person writes a value of an API's unit: `2.5` seconds for 2,500,000 microseconds. */
export const WRITTEN: Partial<Record<string, { factor: number; suffix: string }>> = {
  microseconds: { factor: SECOND, suffix: "s" },
  nano_dollars: { factor: 1_000_000_000, suffix: "$" },
  share: { factor: 0.01, suffix: "%" },
};

export interface MetricWords {
  aggregation: string;
  field?: string | null | undefined;
  of?: string | null | undefined;
  population?: string | undefined;
}

const POPULATIONS: Record<string, string> = {
  calls: "calls",
  model_calls: "requests to models",
  traces: "traces",
  spans: "spans",
  scores: "scores",
};

/** `p95 of duration`, `share of calls with status:error`, `calls`. */
export function sayMetric({ aggregation, field, of, population = "calls" }: MetricWords): string {
  const whom = POPULATIONS[population] ?? population;
  if (aggregation === "count") return whom;
  if (aggregation === "rate") return `${whom} per second`;
  if (aggregation === "share") return `share of ${whom} with ${of ?? "…"}`;
  return `${aggregation} of ${field ?? "…"}`;
}

/** What an aggregation's unit is, before anything was measured. */
export function unitOf({ aggregation, field }: MetricWords): Unit {
  if (aggregation === "share") return "share";
  if (aggregation === "rate") return "per_second";
  if (aggregation === "count" || aggregation === "distinct") return "count";
  if (field === "throughput") return "tokens_per_second";
  if (field?.startsWith("score.")) return "score";
  if (field?.startsWith("usage_")) return "tokens";
  if (field === "cost" || field === "saved") return "nano_dollars";
  if (field?.startsWith("attributes.")) return "number";
  return "microseconds";
}

/** Texts of the filter language that must all hold, as one. */
export function allOf(...texts: (string | null | undefined)[]): string {
  const parts = texts.map((text) => text?.trim() ?? "").filter((text) => text !== "");
  if (parts.length < 2) return parts[0] ?? "";
  return parts.map((part) => (splitTerms(part) === null ? `(${part})` : part)).join(" ");
}

/** The terms that pick one group. */
export function groupTerms(fields: readonly string[], labels: readonly (string | null)[]): string {
  return fields.map((field, index) => termOf(field, labels[index] ?? null)).join(" ");
}

/** Each step of the window, and a series' value at it; `absent` where the answer has none. */
export function onAxis(
  series: MetricResult["series"][number] | undefined,
  times: readonly number[],
  absent: number | null,
): (number | null)[] {
  const known = new Map(series?.points.map((point) => [point.t, point.value ?? null]));
  return times.map((time) => (known.has(time) ? (known.get(time) ?? null) : absent));
}

/** Starts of the steps of a window, on whole multiples of the step as the API has them. */
export function timesOf({ from, to }: TimeWindow, step: number): number[] {
  const times: number[] = [];
  for (let time = Math.floor(from / step) * step; time < to; time += step) times.push(time);
  return times;
}

/** A step without anything counts as none of what is counted or summed, and is nothing to an average. */
export function absentValue(aggregation: string): number | null {
  return ["count", "rate"].includes(aggregation) ? 0 : null;
}
