import { Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import type { TargetHealth } from "@/api/types";
import { Icon } from "@/components/icons";
import { StateMark } from "@/components/target-mark";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatCount, formatDuration, formatPercent, formatTime, NOTHING } from "@/lib/format";
import { STATE_LABELS, stretchesOf, worstOf } from "@/lib/targets";
import { type TimeWindow, windowOf } from "@/lib/time-range";
import classes from "./health.module.css";
import { Timeline } from "./timeline";

export function TargetTable({ targets }: { targets: readonly TargetHealth[] }) {
  const { range } = useAddress();
  const window = windowOf(range, nowMicroseconds());
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (target: string) =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(target)) next.add(target);
      return next;
    });
  return (
    <table className={classes.targets}>
      <thead>
        <tr>
          <th scope="col">Target</th>
          <th scope="col">State</th>
          <th scope="col">In the time range</th>
          <th scope="col">Failed</th>
          <th scope="col">p95</th>
          <th scope="col">In flight</th>
        </tr>
      </thead>
      <tbody>
        {targets.map((target) => (
          <Fragment key={target.target}>
            <TargetRow
              target={target}
              window={window}
              open={open.has(target.target)}
              onToggle={() => toggle(target.target)}
            />
            {open.has(target.target) && (
              <tr className={classes.detail}>
                <td colSpan={6}>
                  <TargetDetail target={target} window={window} />
                </td>
              </tr>
            )}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

interface TargetRowProps {
  target: TargetHealth;
  window: TimeWindow;
  open: boolean;
  onToggle: () => void;
}

function TargetRow({ target, window, open, onToggle }: TargetRowProps) {
  const lanes = target.workers.map((one) => stretchesOf(one, window));
  return (
    <tr>
      <td data-label="Target">
        <button
          type="button"
          className={classes.toggle}
          aria-expanded={open}
          aria-label={`Workers and history of ${target.target}`}
          onClick={onToggle}
        >
          <Icon name={open ? "down" : "right"} size={12} />
          <span className={classes.targetName}>{target.target}</span>
        </button>
      </td>
      <td data-label="State">
        <StateMark state={target.state} />
        {target.state !== "closed" && (
          <div className={classes.reason}>
            {target.reason}
            {target.since !== null && (
              <time className="faint" title={formatTime(target.since)}>
                {target.reason ? " · " : ""}since {formatAgo(target.since, nowMicroseconds())}
              </time>
            )}
          </div>
        )}
        {target.keys_aside.map((key) => (
          <div key={key} className="warn">
            key aside: {key}
          </div>
        ))}
      </td>
      <td data-label="In the time range">
        <Timeline stretches={worstOf(lanes)} window={window} label={`States of ${target.target}`} />
      </td>
      <td
        data-label="Failed"
        title={`${target.errors} of ${target.attempts} attempts in the breaker's window`}
      >
        <Failed errors={target.errors} attempts={target.attempts} />
      </td>
      <td data-label="p95" title="To first content; the slowest worker's">
        {seconds(target.p95)}
      </td>
      <td data-label="In flight">{formatCount(target.in_flight)}</td>
    </tr>
  );
}

function Failed({ errors, attempts }: { errors: number; attempts: number }) {
  if (!attempts) return <span className="faint">{NOTHING}</span>;
  return (
    <>
      <span className={errors ? "bad" : undefined}>{formatPercent(errors / attempts)}</span>{" "}
      <span className="faint">of {formatCount(attempts)}</span>
    </>
  );
}

/** Reports have seconds; the formatter takes microseconds. */
function seconds(value: number | null | undefined): string {
  return formatDuration(value === null || value === undefined ? null : value * 1_000_000);
}

/** Each worker's own view, and every change of state. */
function TargetDetail({ target, window }: { target: TargetHealth; window: TimeWindow }) {
  const changes = [...target.history].reverse();
  return (
    <div className={classes.split}>
      <div>
        <h3>By worker</h3>
        <ul className={classes.lanes}>
          {target.workers.map((report) => (
            <li key={report.worker}>
              <span className="cut" title={report.worker}>
                {report.worker}
              </span>
              <StateMark state={report.state} />
              <Timeline
                stretches={stretchesOf(report, window)}
                window={window}
                label={`States of ${target.target} on ${report.worker}`}
              />
              <span className={classes.laneNumbers}>
                <Failed errors={report.errors} attempts={report.attempts} /> · p95 {seconds(report.p95)} ·{" "}
                {report.in_flight} in flight
              </span>
            </li>
          ))}
        </ul>
        <Link to="/traces" search={{ filter: [`provider:eq:${target.provider}`, "status:eq:error"] }}>
          Failed calls of this provider
        </Link>
      </div>
      <div>
        <h3>Changes</h3>
        {changes.length === 0 ? (
          <p className="dim">None since the workers started.</p>
        ) : (
          <ol className={classes.changes}>
            {changes.map((one) => (
              <li key={`${one.worker} ${one.at} ${one.state}`}>
                <time title={formatTime(one.at)}>{formatAgo(one.at, nowMicroseconds())}</time>
                <span data-state={one.state}>{STATE_LABELS[one.state]}</span>
                <span>
                  {one.reason} <span className="faint">{one.worker}</span>
                </span>
              </li>
            ))}
          </ol>
        )}
      </div>
    </div>
  );
}
