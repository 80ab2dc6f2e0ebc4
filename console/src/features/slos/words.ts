import { formatDuration, formatMoneyShort } from "@/lib/format";
import type { Indicator, SloSpec } from "./types";

export const PERIODS: Record<SloSpec["period"], string> = {
  "7d": "rolling 7 days",
  "28d": "rolling 28 days",
  "30d": "rolling 30 days",
  week: "calendar week",
  month: "calendar month",
};

/** `99.9%`, with as many digits as were given. */
export function sayObjective(objective: number): string {
  return `${Number((objective * 100).toPrecision(7))}%`;
}

/** `calls below 2.00 s`. */
export function sayIndicator({ kind, limit, score }: Indicator): string {
  if (kind === "availability") return "calls that did not fail";
  if (kind === "latency") return `calls within ${formatDuration(limit)}`;
  if (kind === "ttft") return `first tokens within ${formatDuration(limit)}`;
  if (kind === "cost") return `calls for at most ${formatMoneyShort(limit)}`;
  return `scores ${score ?? ""} of at least ${limit ?? "?"}`;
}

/** What a bad call is, in the filter language. */
export function badOf({ kind, limit, score }: Indicator): string {
  if (kind === "availability") return "status:(error, interrupted)";
  if (kind === "latency") return `duration>${limit ?? 0}us`;
  if (kind === "ttft") return `ttft>${limit ?? 0}us`;
  if (kind === "cost") return `cost>$${Number(((limit ?? 0) / 1_000_000_000).toFixed(9))}`;
  return `score.${score ?? ""}<${limit ?? 0}`;
}
