/** How quickly an experiment goes on, from what was seen of it on this page. */

import { useEffect, useState } from "react";
import type { Experiment } from "./types";
import { isActive } from "./words";

const LOOKED_BACK_MS = 30_000;

export interface Seen {
  at: number;
  done: number;
}

/** Answers a second over what was seen lately; null before anything is known. */
export function paceOf(seen: readonly Seen[]): number | null {
  const first = seen[0];
  const last = seen.at(-1);
  if (!first || !last || last.at - first.at < 1_000) return null;
  return ((last.done - first.done) * 1_000) / (last.at - first.at);
}

/** Adds what is seen now and forgets what is long ago. */
export function lookedAt(seen: readonly Seen[], next: Seen): Seen[] {
  return [...seen.filter((one) => next.at - one.at <= LOOKED_BACK_MS && one.done <= next.done), next];
}

export interface Pace {
  /** Answers a second; null: not known yet. */
  rate: number | null;
  /** Seconds; null: not known. */
  left: number | null;
}

export function usePace({ state, counts }: Experiment, at: number): Pace {
  const [seen, setSeen] = useState<Seen[]>([]);
  const active = isActive(state);
  const done = counts.done + counts.errors;
  useEffect(() => {
    setSeen((before) => (active && at ? lookedAt(before, { at, done }) : []));
  }, [active, at, done]);
  const rate = paceOf(seen);
  return { rate, left: rate ? Math.max(0, counts.total - done) / rate : null };
}
