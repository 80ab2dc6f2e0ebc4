import type { RateUse } from "@/api/types";
import { formatCount, formatPercent, formatTime } from "@/lib/format";
import classes from "../limits.module.css";
import { Meter, stateOfShare } from "../meter";
import { sayBound } from "../words";

/** How near each rate came to its bound. */
export function RateTable({ rates }: { rates: readonly RateUse[] }) {
  return (
    <section className="card" aria-label="Rates">
      <div className="card-head">
        Rates <span className={classes.hint}>the peak of the last hour, of days the last 24 hours</span>
      </div>
      <ul className={classes.rates}>
        {rates.map((rate) => (
          <li key={`${rate.measure} ${rate.window}`}>
            <span>{sayBound(rate)}</span>
            <Meter share={rate.share} state={stateOfShare(rate.share)} label={sayBound(rate)} />
            <span className={classes.percent}>{formatPercent(rate.share)}</span>
            <span className="dim">
              {rate.peak === 0 ? "no calls" : `peak ${formatCount(rate.peak)}`}
              {rate.who?.name ? ` by ${rate.who.name}` : ""}
              {rate.at !== null ? ` at ${formatTime(rate.at).slice(11, 19)}` : ""}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
