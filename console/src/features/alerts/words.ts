import { formatUnit, sayMetric, unitOf } from "@/lib/metrics";
import type { AlertState, Condition, RuleSpec } from "./types";

export const STATE_WORDS: Record<AlertState, string> = {
  firing: "firing",
  pending: "pending",
  resolved: "resolved",
  ok: "ok",
  no_data: "no data",
  error: "error",
};

/** `15 min`, `1 h`, `7 d`. */
export function saySpan(seconds: number): string {
  if (seconds % 86_400 === 0 && seconds >= 86_400) return `${seconds / 86_400} d`;
  if (seconds % 3600 === 0 && seconds >= 3600) return `${seconds / 3600} h`;
  if (seconds % 60 === 0 && seconds >= 60) return `${seconds / 60} min`;
  return `${seconds} s`;
}

/** What is measured; calls are counted when nothing else is said. */
function metricOf(spec: RuleSpec): NonNullable<RuleSpec["metric"]> {
  return spec.metric ?? { population: "calls", aggregation: "count", field: null, of: null, q: "" };
}

/** What a rule watches and when that is wrong, in one line. */
export function sayRule(spec: RuleSpec): string {
  const words = sayMetric(metricOf(spec));
  const { q } = metricOf(spec);
  const where = q ? ` where ${q}` : "";
  const groups = spec.group_by?.length ? `, each ${spec.group_by.join(" / ")}` : "";
  return `${words}${where} over ${saySpan(spec.window)}${groups} ${sayCondition(spec)}`;
}

export function sayCondition(spec: RuleSpec): string {
  const { condition } = spec;
  const unit = unitOf(metricOf(spec));
  const held = spec.pending_for ? ` for ${saySpan(spec.pending_for)}` : "";
  return `${sayKind(condition, unit)}${held}`;
}

function sayKind(condition: Condition, unit: string): string {
  const { kind, op, value } = condition;
  if (kind === "threshold") return `${op} ${formatUnit(value, unit)}`;
  if (kind === "change") {
    const much = condition.mode === "ratio" ? `× ${value ?? "?"}` : `by ${formatUnit(value, unit)}`;
    return `${op} ${much} of ${saySpan(condition.offset)} before`;
  }
  if (kind === "absence") return "is missing";
  const side = { up: "above", down: "below", both: "off" }[condition.direction];
  return `${side} what is usual, by ${condition.deviations} deviations`;
}

export function sayLabels(labels: Record<string, string>): string {
  return Object.entries(labels)
    .filter(([name]) => name !== "alert" && name !== "severity")
    .map(([name, value]) => `${name}=${value || "none"}`)
    .join(", ");
}

/** `would have fired 3 times in 7 days`. */
export function sayFirings(firings: number, days: number): string {
  const often =
    firings === 0 ? "not have fired" : `have fired ${firings === 1 ? "once" : `${firings} times`}`;
  return `would ${often} in ${days} days`;
}
