import { formatMinute } from "@/lib/format";
import { STATE_LABELS, type Stretch } from "@/lib/targets";
import type { TimeWindow } from "@/lib/time-range";
import classes from "./health.module.css";

interface TimelineProps {
  stretches: readonly Stretch[];
  window: TimeWindow;
  label: string;
}

/** When a target was in service, out, or being probed. Out is also lower than in, for who sees no colour. */
export function Timeline({ stretches, window, label }: TimelineProps) {
  const length = Math.max(1, window.to - window.from);
  return (
    <div className={classes.timeline} role="img" aria-label={label}>
      {stretches.map((one) => (
        <span
          key={one.from}
          data-state={one.state}
          title={`${STATE_LABELS[one.state]}, ${formatMinute(one.from)} to ${formatMinute(one.to)}${one.reason ? `\n${one.reason}` : ""}`}
          style={{
            left: `${((one.from - window.from) / length) * 100}%`,
            width: `max(2px, ${((one.to - one.from) / length) * 100}%)`,
          }}
        />
      ))}
    </div>
  );
}
