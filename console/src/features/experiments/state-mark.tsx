import classes from "./experiments.module.css";
import type { ExperimentState } from "./types";
import { STATES } from "./words";

/** A dot and a word; never colour alone. */
export function ExperimentStateMark({ state, reason }: { state: ExperimentState; reason?: string | null }) {
  const { label, tone } = STATES[state];
  return (
    <span className={classes.state} data-tone={tone} title={reason ?? undefined}>
      <span className={classes.dot} />
      {label}
    </span>
  );
}

/** How far it is; errors stand at the end in red. */
export function ProgressBar({ done, errors, total }: { done: number; errors: number; total: number }) {
  const width = (count: number) => `${total ? (100 * count) / total : 0}%`;
  return (
    <span
      className={classes.track}
      role="progressbar"
      aria-label="Progress"
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={done + errors}
    >
      <span style={{ width: width(done) }} />
      <span data-bad style={{ width: width(errors) }} />
    </span>
  );
}
