/** Calibrations in words. */

import { NOTHING } from "@/lib/format";
import type { CalibrationRecord, Estimate, JudgeState, JudgeVersion, KnownEvaluator } from "./types";

export const STATES: Record<JudgeState, { label: string; tone: "quiet" | "good" | "warn" | "bad" }> = {
  calibrated: { label: "calibrated", tone: "good" },
  failed: { label: "not good enough", tone: "bad" },
  outdated: { label: "out of date", tone: "warn" },
  uncalibrated: { label: "uncalibrated", tone: "quiet" },
};

/** One judgement of one version of a judge: versions are never put together. */
export interface JudgeRow {
  name: string;
  version: JudgeVersion;
  metric: string;
  state: JudgeState;
  reason: string | null;
  calibration: CalibrationRecord | null;
}

export function judgeRows(evaluators: readonly KnownEvaluator[]): JudgeRow[] {
  return evaluators.flatMap(({ name, versions }) =>
    versions.flatMap((version) => version.metrics.map((one) => ({ name, version, ...one }))),
  );
}

/** `3`, or the digest of a definition in an experiment. */
export function sayVersion({
  version,
  evaluator,
}: {
  version: number | null;
  evaluator: string | null;
}): string {
  return version === null ? (evaluator ?? "").slice(0, 8) : `v${version}`;
}

export function formatShare(value: number): string {
  return `${(100 * value).toFixed(1)}%`;
}

export function formatCoefficient(value: number): string {
  return value.toFixed(2).replace("-", "−");
}

/** `0.81, 0.72 to 0.88`. */
export function sayEstimate(estimate: Estimate | null | undefined, write = formatShare): string {
  if (!estimate) return NOTHING;
  const { low, high } = estimate.interval;
  return `${write(estimate.value)}, ${write(low)} to ${write(high)}`;
}

/** Where the labels came from. */
export function saySource({ source }: CalibrationRecord): string {
  if (source?.kind === "queue") return `queue ${source.queue}, question ${source.question}`;
  if (source?.kind === "dataset")
    return `dataset ${source.dataset} version ${source.version}, ${source.label}`;
  if (source?.kind === "experiment")
    return source.scores ? `scores ${source.scores} on answers of an experiment` : "answers of an experiment";
  return "labels that were sent";
}
