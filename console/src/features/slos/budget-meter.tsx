import { formatCompact, formatPercent } from "@/lib/format";
import classes from "./slos.module.css";
import type { SloStatus } from "./types";

export function BudgetMeter({ status }: { status: SloStatus }) {
  const left = status.remaining ?? null;
  const share = Math.max(0, Math.min(1, left ?? 1));
  const state = left === null ? "none" : left <= 0 ? "gone" : left < 0.25 ? "low" : "well";
  const text =
    left === null
      ? "no calls yet"
      : left < 0
        ? `overspent by ${formatPercent(-left)}`
        : `${formatPercent(left)} left`;
  return (
    <div className={classes.budget}>
      <div
        className={classes.meter}
        role="meter"
        aria-label="Error budget left"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        aria-valuetext={text}
      >
        <div className={classes.fill} data-state={state} style={{ width: `${share * 100}%` }} />
      </div>
      <div>
        <b>{text}</b>{" "}
        <span className="dim">
          {formatCompact(status.bad)} bad of {formatCompact(Math.round(status.budget))} allowed
        </span>
      </div>
    </div>
  );
}

/** `×2.4 (1 h)`: how fast the budget goes in the fastest window that says so. */
export function fastestBurn(status: SloStatus): { rate: number; long: number } | null {
  const known = status.burn_rates.flatMap((one) =>
    typeof one.long_rate === "number" ? [{ rate: one.long_rate, long: one.long }] : [],
  );
  return known.sort((a, b) => b.rate - a.rate)[0] ?? null;
}
