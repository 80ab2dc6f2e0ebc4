import { formatPercent } from "@/lib/format";
import classes from "./traces.module.css";

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

interface EstimateNoteProps {
  /** The share of the spans that were asked. */
  sample: number;
  counting: boolean;
  onCount: () => void;
}

/** Says that numbers are estimates, and offers to count. */
export function EstimateNote({ sample, counting, onCount }: EstimateNoteProps) {
  if (sample >= 1) return null;
  return (
    <div className={classes.estimate}>
      <span>Estimated from {formatPercent(sample)} of the spans</span>
      <button type="button" disabled={counting} onClick={onCount}>
        {counting ? "Counting…" : "Count exactly"}
      </button>
    </div>
  );
}
