import { Link } from "@tanstack/react-router";
import { Fact, Facts } from "@/components/facts";
import {
  formatCount,
  formatDuration,
  formatMoney,
  formatMoneyShort,
  formatTime,
  NOTHING,
} from "@/lib/format";
import { ProgressBar } from "../state-mark";
import type { Experiment } from "../types";
import { usePace } from "../use-pace";
import type { Told } from "../use-progress";
import { isActive, sayLeft } from "../words";
import classes from "./detail.module.css";

interface ProgressProps {
  experiment: Experiment;
  /** When it was last seen, milliseconds. */
  at: number;
  /** What the console tells of it while it runs. */
  told: Told;
}

export function Progress({ experiment, at, told }: ProgressProps) {
  const { state, counts, spec, reason } = experiment;
  const seen = usePace(experiment, at);
  const { rate, left } = told.live && told.event ? told.event : seen;
  const expected = told.live && told.event ? told.event.cost_expected : null;
  const answered = counts.done + counts.errors;
  const active = isActive(state);
  return (
    <section className={`card ${classes.progress}`} aria-label="How far it is">
      <div className={classes.line}>
        <ProgressBar done={counts.done} errors={counts.errors} total={counts.total} />
        <span className="number">
          <b>{formatCount(answered)}</b> of {formatCount(counts.total)}
        </span>
      </div>
      <Facts>
        <Fact label="Dataset">
          <DatasetLink named={spec.dataset} />{" "}
          <span className="dim">{formatCount(experiment.rows)} rows</span>
        </Fact>
        {active && (
          <Fact label="Rate">{rate === null ? NOTHING : `${rate.toFixed(rate < 10 ? 1 : 0)}/s`}</Fact>
        )}
        {active && <Fact label="Time left">{left === null ? NOTHING : sayLeft(left)}</Fact>}
        {!active && experiment.started !== null && experiment.finished !== null && (
          <Fact label="Took">{formatDuration(experiment.finished - experiment.started)}</Fact>
        )}
        <Fact label="Cost">
          {formatMoney(counts.cost)}
          {spec.max_cost && <span className="dim"> of ${spec.max_cost.replace("$", "")}</span>}
          {active && expected !== null && expected > counts.cost && (
            <span className="dim"> about {formatMoneyShort(expected)} at its end</span>
          )}
          {counts.unpriced ? (
            <span className="warn"> and {formatCount(counts.unpriced)} answers of unknown price</span>
          ) : null}
        </Fact>
        <Fact label="Used again">{formatCount(counts.cached)}</Fact>
        <Fact label="Errors">
          <span className={counts.errors ? "bad" : undefined}>{formatCount(counts.errors)}</span>
        </Fact>
        {counts.unscored ? (
          <Fact label="Unscored">
            <span className="warn">{formatCount(counts.unscored)}</span>
          </Fact>
        ) : null}
        <Fact label="Started">{experiment.started === null ? NOTHING : formatTime(experiment.started)}</Fact>
        <Fact label="By">{experiment.created_by}</Fact>
      </Facts>
      {reason && (
        <p className={classes.reason} role="note">
          {reason}
        </p>
      )}
    </section>
  );
}

/** A dataset of the registry leads to its page; a file does not. */
export function DatasetLink({ named }: { named: string }) {
  if (/\.(jsonl|csv|ndjson|json)$/i.test(named)) return <code>{named}</code>;
  const [name = named, version] = named.split("@");
  return (
    <Link to="/datasets/$dataset" params={{ dataset: name.replaceAll("/", ":") }} search={{ version }}>
      {named}
    </Link>
  );
}
