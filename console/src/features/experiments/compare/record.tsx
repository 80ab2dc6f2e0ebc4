import { formatCount } from "@/lib/format";
import classes from "./compare.module.css";

interface RecordProps {
  wins: number;
  losses: number;
  ties: number;
  /** Leads to the rows that were lost. */
  onWorse: () => void;
}

/** How many rows were won, lost, or neither. */
export function Record({ wins, losses, ties, onWorse }: RecordProps) {
  const all = wins + losses + ties || 1;
  const width = (count: number) => ({ width: `${(100 * count) / all}%` });
  const title = `${formatCount(wins)} better, ${formatCount(ties)} alike, ${formatCount(losses)} worse`;
  return (
    <span className={classes.record} title={title}>
      <span className={classes.recordBar} aria-hidden="true">
        <span data-won style={width(wins)} />
        <span style={width(ties)} />
        <span data-lost style={width(losses)} />
      </span>
      <span className={classes.recordText}>
        <span className="good">{formatCount(wins)}</span> <span className="dim">{formatCount(ties)}</span>{" "}
        {losses > 0 ? (
          <button type="button" className={classes.linkButton} title="Show these rows" onClick={onWorse}>
            {formatCount(losses)}
          </button>
        ) : (
          <span className="faint">0</span>
        )}
      </span>
    </span>
  );
}
