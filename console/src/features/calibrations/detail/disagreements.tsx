import { Link } from "@tanstack/react-router";
import { toAddress } from "@/lib/artifacts";
import { formatCount } from "@/lib/format";
import classes from "../calibrations.module.css";
import type { Calibration, Disagreement } from "../types";

const SHOWN = 100;

/** Where judge and people differ, with the way to what was judged. */
export function Disagreements({ record }: { record: Calibration }) {
  const { disagreements: all = [], disagreed = 0 } = record;
  const shown = all.slice(0, SHOWN);
  return (
    <section className="card" aria-label="Disagreements">
      <div className="card-head">
        Judge and people differ on {formatCount(disagreed)}
        {shown.length < disagreed && <span className="faint">the first {formatCount(shown.length)}</span>}
      </div>
      {shown.length === 0 ? (
        <p className={classes.pad}>On none of these items.</p>
      ) : (
        <div className={classes.scroll}>
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">People</th>
                <th scope="col">Judge</th>
                <th scope="col">Where</th>
                <th scope="col">Why, says the judge</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((one, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: a report never changes.
                <tr key={at}>
                  <td>{say(one.people)}</td>
                  <td>{one.judge === null ? <span className="warn">could not say</span> : say(one.judge)}</td>
                  <td>
                    <Place of={one.place} />
                  </td>
                  <td className="dim">{one.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function say(value: Disagreement["people"]): string {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return String(value);
}

function Place({ of }: { of: Disagreement["place"] }) {
  if (of.trace_id)
    return (
      <Link to="/traces/$traceId" params={{ traceId: of.trace_id }} search={{}}>
        trace {of.trace_id.slice(0, 8)}
      </Link>
    );
  if (of.experiment)
    return (
      <Link
        to="/experiments/$experiment"
        params={{ experiment: of.experiment }}
        search={{ tab: "rows", row: of.row ?? undefined }}
      >
        row {of.row} of {of.variant}
      </Link>
    );
  if (of.dataset)
    return (
      <Link
        to="/datasets/$dataset"
        params={{ dataset: toAddress(of.dataset) }}
        search={{ row: of.row ?? undefined }}
      >
        row {of.row}
      </Link>
    );
  if (of.queue)
    return (
      <Link to="/annotation/$queue" params={{ queue: of.queue }} search={{}}>
        item of {of.queue}
      </Link>
    );
  return <span className="faint">not said</span>;
}
