import { NOTHING } from "@/lib/format";
import classes from "./calibrations.module.css";
import type { Estimate } from "./types";
import { formatShare, sayEstimate } from "./words";

interface EstimateBarProps {
  estimate: Estimate | null | undefined;
  from?: number;
  to?: number;
  write?: (value: number) => string;
}

/** A value with its interval, as a picture on a fixed scale and in figures. */
export function EstimateBar({ estimate, from = 0, to = 1, write = formatShare }: EstimateBarProps) {
  if (!estimate) return <span className="faint">{NOTHING}</span>;
  const at = (value: number) =>
    `${(100 * Math.max(0, Math.min(1, (value - from) / (to - from)))).toFixed(2)}%`;
  const { low, high, method } = estimate.interval;
  return (
    <span className={classes.estimate} title={`${method}, n = ${estimate.n}`}>
      <svg className={classes.bar} aria-hidden="true">
        <line x1="0%" x2="100%" y1="50%" y2="50%" className={classes.axis} />
        <line x1={at(low)} x2={at(high)} y1="50%" y2="50%" className={classes.range} />
        <circle cx={at(estimate.value)} cy="50%" r="3.5" className={classes.point} />
      </svg>
      <span>{sayEstimate(estimate, write)}</span>
    </span>
  );
}
