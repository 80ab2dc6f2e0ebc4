import classes from "./limits.module.css";

interface MeterProps {
  /** Of what is allowed; 1 is all of it. */
  share: number;
  /** Where the soft limit lies, as a share of the same. */
  soft?: number | null;
  state: "within" | "soft" | "hard";
  label: string;
}

/** How much of a bound is used; a tick where its soft limit lies. */
export function Meter({ share, soft, state, label }: MeterProps) {
  const percent = Math.min(100, Math.max(0, share * 100));
  return (
    <div
      className={classes.meter}
      data-state={state}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(percent)}
    >
      <span className={classes.fill} style={{ width: `${percent}%` }} />
      {soft !== null && soft !== undefined && soft < 1 && (
        <span className={classes.tick} style={{ left: `${soft * 100}%` }} title="soft limit" />
      )}
    </div>
  );
}

/** A rate is full when its peak reached the bound, and worth a look from nine tenths on. */
export function stateOfShare(share: number): MeterProps["state"] {
  return share >= 1 ? "hard" : share >= 0.9 ? "soft" : "within";
}
