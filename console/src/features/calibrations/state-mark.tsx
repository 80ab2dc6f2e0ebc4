import experiments from "@/features/experiments/experiments.module.css";
import type { JudgeState } from "./types";
import { STATES } from "./words";

/** A dot and a word; never colour alone. */
export function JudgeStateMark({ state, reason }: { state: JudgeState; reason?: string | null }) {
  const { label, tone } = STATES[state];
  return (
    <span className={experiments.state} data-tone={tone} title={reason ?? "It may gate."}>
      <span className={experiments.dot} />
      {label}
    </span>
  );
}
