import { formatPercent } from "@/lib/format";
import { formatUnit } from "@/lib/metrics";
import classes from "./estimate.module.css";

/** Before a number that was scaled up from a sample. */
export const ABOUT = "≈ ";

const twoDigits = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 2 });

/** A count that was scaled up, without digits that nobody knows: `≈ 1.2M`. */
export function formatAbout(count: number): string {
  return ABOUT + twoDigits.format(count);
}

/**
 * What a number is worth that was counted in a share of the spans; nothing to say when it was all of them. Beside
 * estimates stand counts of what is summed up, which have no margin.
 */
export function worthOf(sample: number, count: number, margin: number): string | undefined {
  if (sample >= 1 || margin === 0) return undefined;
  const around =
    count > margin ? `± ${formatPercent(margin / count)}` : `at most ${formatAbout(count + margin)}`;
  return `From a sample of ${formatPercent(sample)} of the spans; ${around}; which are the largest is of the sample, too`;
}

/** The same of any value of a metric; its margin is in the value's unit, null where it is not known. */
export function worthOfValue(sample: number, margin: number | null, unit: string): string | undefined {
  if (sample >= 1 || margin === 0) return undefined;
  const around = margin === null ? "how far off it may be is not known" : `± ${formatUnit(margin, unit)}`;
  return `From a sample of ${formatPercent(sample)} of the spans; ${around}`;
}

/** Text of a value in its unit, which says so where it is an estimate. */
export function formatWorth(value: number | null | undefined, margin: number | null, unit: string): string {
  const text = formatUnit(value, unit);
  return value === null || value === undefined || margin === 0 ? text : ABOUT + text;
}

interface EstimateNoteProps {
  /** The share of the spans that were asked. */
  sample: number;
  /** What else there is to say. */
  also?: string | undefined;
  className?: string | undefined;
  counting: boolean;
  onCount: () => void;
}

/** Says that numbers are estimates, and offers to count. */
export function EstimateNote({ sample, also, className, counting, onCount }: EstimateNoteProps) {
  if (sample >= 1) return null;
  return (
    <div className={`${classes.estimate} ${className ?? ""}`}>
      <span>
        Estimated from {formatPercent(sample)} of the spans{also && `; ${also}`}
      </span>
      <button type="button" disabled={counting} onClick={onCount}>
        {counting ? "Counting…" : "Count exactly"}
      </button>
    </div>
  );
}
