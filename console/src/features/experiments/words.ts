/** Experiments in words: states, figures with their intervals, how far one is. */

import { formatCompact, formatMoneyShort, NOTHING } from "@/lib/format";
import type { Counts, Experiment, ExperimentState, Figure, Unit } from "./types";

const NANO = 1_000_000_000;

export const STATES: Record<
  ExperimentState,
  { label: string; tone: "quiet" | "busy" | "good" | "warn" | "bad" }
> = {
  draft: { label: "draft", tone: "quiet" },
  waiting: { label: "waiting", tone: "busy" },
  running: { label: "running", tone: "busy" },
  paused: { label: "paused", tone: "warn" },
  stopped: { label: "stopped", tone: "warn" },
  cancelled: { label: "cancelled", tone: "quiet" },
  done: { label: "done", tone: "good" },
  failed: { label: "failed", tone: "bad" },
};

export function isActive(state: ExperimentState): boolean {
  return state === "waiting" || state === "running";
}

/** What can be done with one in this state. */
export function actsOf({ state, rows }: Experiment): { start: boolean; pause: boolean; cancel: boolean } {
  return {
    start: rows > 0 && !isActive(state) && state !== "cancelled",
    pause: isActive(state),
    cancel: isActive(state) || ["draft", "paused", "stopped"].includes(state),
  };
}

/** What the button that starts it says. */
export function sayStart({ state, counts }: Experiment): string {
  if (state === "draft") return "Start";
  if (state === "done") return counts.errors ? "Retry errors" : "Run again";
  return "Resume";
}

export function shareDone({ total, done, errors }: Counts): number {
  return total ? Math.min(1, (done + errors) / total) : 0;
}

/** Less is better of these; of all else more is. */
export function lessIsBetter(metric: string): boolean {
  return /^(cost|latency|tokens)(_|$)|(^|_)(errors?|distance|toxicity)$/.test(metric);
}

/** A value of a metric; shares in percent. */
export function formatValue(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return NOTHING;
  if (unit === "share") return `${trim(value * 100, 1)}%`;
  if (unit === "seconds") return Math.abs(value) < 1 ? `${trim(value * 1000, 0)} ms` : `${trim(value, 2)} s`;
  if (unit === "dollars") return formatMoneyShort(value * NANO);
  if (unit === "tokens") return formatCompact(Math.round(value));
  return Number.isInteger(value) ? formatCompact(value) : value.toPrecision(3);
}

/** A difference with its sign; of shares in points. */
export function formatDifference(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined) return NOTHING;
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  const size = Math.abs(value);
  if (unit === "share") return `${sign}${trim(size * 100, 1)} pt`;
  return `${sign}${formatValue(size, unit)}`;
}

/** `71.2% – 74.9%`; an end that the sample cannot bound is open. */
export function formatInterval(
  figure: Pick<Figure, "low" | "high">,
  unit: Unit,
  format: (value: number, unit: Unit) => string = formatValue,
): string {
  const { low, high } = figure;
  if (low === null && high === null) return "not bounded";
  if (low === null) return `≤ ${format(high as number, unit)}`;
  if (high === null) return `≥ ${format(low, unit)}`;
  return `${format(low, unit)} to ${format(high, unit)}`;
}

/** `p < 0.001`, `p = 0.04`. */
export function formatP(p: number): string {
  return p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
}

/** Whether a difference is for the better or the worse, where its interval is clear of zero. */
export function verdictOf(metric: string, difference: Figure): "better" | "worse" | "unclear" {
  const { low, high } = difference;
  const up = low !== null && low > 0;
  const down = high !== null && high < 0;
  if (!up && !down) return "unclear";
  return up === lessIsBetter(metric) ? "worse" : "better";
}

/** Seconds as `12 s`, `4 min`, `2 h 05 min`. */
export function sayLeft(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function trim(value: number, digits: number): string {
  return value.toFixed(digits);
}
