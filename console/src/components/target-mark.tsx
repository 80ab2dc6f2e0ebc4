import type { TargetHealth } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { STATE_LABELS } from "@/lib/targets";
import classes from "./target-mark.module.css";

/** Why a target is out and since when; all of it in one line. */
export function sayHealth(health: TargetHealth | undefined, now: number): string {
  if (!health) return "not called yet by any worker that runs";
  const since = health.since === null ? "" : `, since ${formatAgo(health.since, now)}`;
  const reason = health.reason ? `: ${health.reason}` : "";
  const keys = health.keys_aside.length ? `; keys set aside: ${health.keys_aside.join(", ")}` : "";
  return `${STATE_LABELS[health.state]}${health.state === "closed" ? "" : since}${reason}${keys}`;
}

/** A `provider/model` with its health: a mark and, when it is not in service, a word. */
export function TargetMark({ target, health }: { target: string; health: TargetHealth | undefined }) {
  return (
    <span
      className={classes.root}
      data-state={health?.state ?? "unknown"}
      title={`${target}\n${sayHealth(health, nowMicroseconds())}`}
    >
      <span className={classes.dot} />
      <span className="cut">{target}</span>
      {health && health.state !== "closed" && <b>{STATE_LABELS[health.state]}</b>}
    </span>
  );
}

/** A state alone. */
export function StateMark({ state }: { state: TargetHealth["state"] }) {
  return (
    <span className={classes.root} data-state={state}>
      <span className={classes.dot} />
      <span>{STATE_LABELS[state]}</span>
    </span>
  );
}
