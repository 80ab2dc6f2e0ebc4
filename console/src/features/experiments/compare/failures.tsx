import { formatCount } from "@/lib/format";
import type { Summary } from "../types";
import classes from "./compare.module.css";

/** Why calls failed, and why answers could not be judged: these rows are in no figure above. */
export function Failures({ summary }: { summary: Summary }) {
  const lines = summary.variants.flatMap((variant) => [
    ...Object.entries(variant.error_reasons).map(([reason, count]) => ({
      key: `${variant.variant} call ${reason}`,
      variant: variant.variant,
      what: "call",
      reason,
      count,
    })),
    ...variant.metrics.flatMap((metric) =>
      Object.entries(metric.reasons)
        // Said already by the call itself.
        .filter(([reason]) => reason !== "the call failed" && reason !== "not judged yet")
        .map(([reason, count]) => ({
          key: `${variant.variant} ${metric.metric} ${reason}`,
          variant: variant.variant,
          what: metric.metric,
          reason,
          count,
        })),
    ),
  ]);
  if (lines.length === 0) return null;
  return (
    <section className="card" aria-label="Not in the figures">
      <div className="card-head">
        Not in the figures <span className={classes.note}>neither right nor wrong</span>
      </div>
      <ul className={classes.failures}>
        {lines.map((line) => (
          <li key={line.key}>
            <b className="number">{formatCount(line.count)}</b>
            <span>{line.variant}</span>
            <span className="dim">{line.what}</span>
            <span className={line.what === "call" ? "bad" : "warn"}>{line.reason}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
