/** Health of `provider/model`s over time, from what the gateway's workers report. */

import type { TargetHealth, Transition } from "@/api/types";

export type BreakerState = Transition["state"];

const BADNESS: Record<BreakerState, number> = { closed: 0, half_open: 1, open: 2 };

export const STATE_LABELS: Record<BreakerState, string> = {
  closed: "in service",
  half_open: "being probed",
  open: "out",
};

/** What one worker says of a target. */
export type WorkerView = TargetHealth["workers"][number];

export interface Stretch {
  state: BreakerState;
  reason: string;
  from: number;
  to: number;
}

/** One worker's states over a window, without gaps; before its first change a target was in service. */
export function stretchesOf(
  report: Pick<WorkerView, "history" | "state" | "reason">,
  window: { from: number; to: number },
): Stretch[] {
  const changes = [...report.history].sort((a, b) => a.at - b.at);
  const stretches: Stretch[] = [];
  let current: Omit<Stretch, "to"> = { state: "closed", reason: "", from: window.from };
  for (const change of changes) {
    if (change.at >= window.to) break;
    const at = Math.max(change.at, window.from);
    if (at > current.from) stretches.push({ ...current, to: at });
    current = { state: change.state, reason: change.reason, from: at };
  }
  // A history of bounded length may have lost its beginning; what a worker says now holds.
  if (changes.length === 0) current = { state: report.state, reason: report.reason, from: window.from };
  stretches.push({ ...current, to: window.to });
  return stretches;
}

/** The worst of several workers at each moment. */
export function worstOf(lanes: readonly Stretch[][]): Stretch[] {
  const [first, ...others] = lanes;
  if (!first) return [];
  const edges = [...new Set(lanes.flat().flatMap((one) => [one.from, one.to]))].sort((a, b) => a - b);
  if (others.length === 0) return first;
  const merged: Stretch[] = [];
  for (const [index, from] of edges.entries()) {
    const to = edges[index + 1];
    if (to === undefined) break;
    const now = lanes.flatMap((lane) => lane.find((one) => one.from <= from && from < one.to) ?? []);
    const worst = now.sort((a, b) => BADNESS[b.state] - BADNESS[a.state])[0];
    if (!worst) continue;
    const last = merged.at(-1);
    if (last && last.to === from && last.state === worst.state && last.reason === worst.reason) last.to = to;
    else merged.push({ state: worst.state, reason: worst.reason, from, to });
  }
  return merged;
}
