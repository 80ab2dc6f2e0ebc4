import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { AlertStateMark } from "@/components/alert-state";
import classes from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { formatUnit } from "@/lib/metrics";
import { useSignedIn } from "@/lib/session";
import { SilenceDialog } from "./silence-dialog";
import type { SeriesState } from "./types";
import { sayLabels } from "./words";

interface StateListProps {
  title: string;
  states: SeriesState[];
  /** Of several rules. */
  named?: boolean;
}

/** Groups as they stand, each with a way to silence it. */
export function StateList({ title, states, named = false }: StateListProps) {
  const { may } = useSignedIn();
  const [silencing, setSilencing] = useState<SeriesState | null>(null);
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">{title}</div>
      {states.length === 0 && <p className={classes.none}>Nothing was evaluated yet.</p>}
      <ul className={classes.list}>
        {states.map((one) => (
          <li key={`${one.rule} ${one.series}`}>
            <AlertStateMark state={one.state} />
            <div>
              {named && <StateName state={one} />}{" "}
              <span className={named ? "dim" : classes.name}>{sayLabels(one.labels)}</span>
              <div className={classes.said}>
                {one.reason ||
                  `${formatUnit(one.value, one.unit)}, since ${formatAgo(one.since, nowMicroseconds())}`}
              </div>
            </div>
            <div className={classes.aside}>
              {one.inhibited && <span>inhibited</span>}
              <span>{one.since ? formatAgo(one.since, nowMicroseconds()) : ""}</span>
              {one.silenced_by
                ? "silenced"
                : may("alerts:write") && (
                    <Button size="compact-xs" variant="default" onClick={() => setSilencing(one)}>
                      Silence
                    </Button>
                  )}
            </div>
          </li>
        ))}
      </ul>
      {silencing && <SilenceDialog labels={silencing.labels} onClose={() => setSilencing(null)} />}
    </section>
  );
}

function StateName({ state }: { state: SeriesState }) {
  return state.source === "slo" ? (
    <Link to="/slos/$slo" params={{ slo: state.rule }} search={{}} className={classes.name}>
      {state.name}
    </Link>
  ) : (
    <Link to="/alerts/$rule" params={{ rule: state.rule }} search={{}} className={classes.name}>
      {state.name}
    </Link>
  );
}
