import { AlertStateMark } from "@/components/alert-state";
import { Empty } from "@/components/empty";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { formatUnit } from "@/lib/metrics";
import type { AlertTransition } from "./types";
import { sayLabels } from "./words";

/** Changes of state, the newest first, each with the traces behind it. */
export function History({ transitions, named = false }: { transitions: AlertTransition[]; named?: boolean }) {
  if (transitions.length === 0)
    return (
      <div className="card">
        <Empty title="No alert has changed its state yet." icon="clock" />
      </div>
    );
  return (
    <ul className={`card ${classes.list}`} aria-label="History">
      {transitions.map((one) => (
        <li key={one.id}>
          <AlertStateMark state={one.after} />
          <div>
            {named && <span className={classes.name}>{one.name} </span>}
            <span className="dim">{sayLabels(one.labels)}</span>
            <div className={classes.said}>
              {one.reason ||
                `${formatUnit(one.value, one.unit)} against ${formatUnit(one.threshold, one.unit)}`}
              {one.before !== one.after && (
                <span className="faint"> (was {one.before.replace("_", " ")})</span>
              )}
            </div>
          </div>
          <div className={classes.aside}>
            <span>{formatMinute(one.at)}</span>
            {one.link && <a href={one.link}>Traces</a>}
          </div>
        </li>
      ))}
    </ul>
  );
}
