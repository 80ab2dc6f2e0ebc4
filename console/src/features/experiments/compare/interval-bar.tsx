import type { Figure } from "../types";
import classes from "./compare.module.css";

export interface Scale {
  from: number;
  to: number;
}

/** One scale for all variants of a metric, from the least end of an interval to the greatest. */
export function scaleOf(figures: readonly (Figure | null)[]): Scale {
  const ends = figures.flatMap((one) =>
    one ? [one.low ?? one.value, one.value, one.high ?? one.value] : [],
  );
  if (ends.length === 0) return { from: 0, to: 1 };
  const from = Math.min(...ends);
  const to = Math.max(...ends);
  const around = (to - from || Math.abs(to) || 1) * 0.06;
  return { from: from - around, to: to + around };
}

/** An interval as a line with its value as a dot, on the scale of its metric. */
export function IntervalBar({ figure, scale }: { figure: Figure; scale: Scale }) {
  const at = (value: number) => `${((value - scale.from) / (scale.to - scale.from)) * 100}%`;
  const low = figure.low ?? scale.from;
  const high = figure.high ?? scale.to;
  return (
    <svg className={classes.bar} aria-hidden="true">
      <line x1="0%" x2="100%" y1="50%" y2="50%" className={classes.axis} />
      <line x1={at(low)} x2={at(high)} y1="50%" y2="50%" className={classes.range} />
      <circle cx={at(figure.value)} cy="50%" r="3.5" className={classes.point} />
    </svg>
  );
}
