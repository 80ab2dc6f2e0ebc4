import { formatCount, NOTHING } from "@/lib/format";
import type { GateResult, RuleResult } from "../types";
import { formatDifference, formatInterval, formatValue } from "../words";
import classes from "./compare.module.css";

interface GateProps {
  variant: string;
  gate: GateResult;
  running: boolean;
}

/** PASS, FAIL or cannot tell yet, with the reason of each rule and how many rows it would take. */
export function Gate({ variant, gate, running }: GateProps) {
  return (
    <section className="card" aria-label={`Gate of ${variant}`}>
      <div className={classes.gateHead}>
        <Verdict verdict={gate.verdict} />
        <b>{variant}</b>
        <span className={classes.reason}>
          {gate.reason}
          {running && <span className="dim"> So far; it is still running.</span>}
        </span>
      </div>
      <div className={classes.scroll}>
        <table className={classes.table} data-plain>
          <thead>
            <tr>
              <th scope="col">Rule</th>
              <th scope="col">Answer</th>
              <th scope="col" className="number">
                Value
              </th>
              <th scope="col" className="number">
                Baseline
              </th>
              <th scope="col" className="number">
                Interval
              </th>
              <th scope="col" className="number">
                Rows
              </th>
              <th scope="col">Why</th>
            </tr>
          </thead>
          <tbody>
            {gate.rules.map((rule) => (
              <Rule key={rule.rule} rule={rule} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Rule({ rule }: { rule: RuleResult }) {
  // Against a baseline the interval is of the difference.
  const written = rule.compared === rule.value ? formatValue : formatDifference;
  return (
    <tr>
      <td>
        <code>{rule.rule}</code>
      </td>
      <td>
        <Verdict verdict={rule.verdict} small />
      </td>
      <td className="number">{formatValue(rule.value, rule.unit)}</td>
      <td className="number">{formatValue(rule.baseline, rule.unit)}</td>
      <td className="number">
        {rule.interval ? formatInterval(bounded(rule.interval), rule.unit, written) : NOTHING}
      </td>
      <td className="number">
        {formatCount(rule.n)}
        {rule.unscored > 0 && <div className="warn">{formatCount(rule.unscored)} unscored</div>}
      </td>
      <td className={classes.why}>
        {rule.reason}
        {rule.rows_needed !== null && (
          <div className="dim">About {formatCount(rule.rows_needed)} rows would decide it.</div>
        )}
      </td>
    </tr>
  );
}

/** JSON has no infinity: an open end comes as null, or as a text. */
function bounded(interval: { low: unknown; high: unknown }): { low: number | null; high: number | null } {
  const end = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);
  return { low: end(interval.low), high: end(interval.high) };
}

const WORDS = { PASS: "Pass", FAIL: "Fail", INCONCLUSIVE: "Cannot tell" } as const;

export function Verdict({ verdict, small }: { verdict: GateResult["verdict"]; small?: boolean }) {
  return (
    <span className={classes.verdict} data-verdict={verdict} data-small={small || undefined}>
      {WORDS[verdict]}
    </span>
  );
}
