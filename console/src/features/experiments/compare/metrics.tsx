/** Each metric of each variant with its interval, and against the baseline. */

import { formatCount, NOTHING } from "@/lib/format";
import type { ExperimentSearch } from "../search";
import type { Figure, MetricComparison, MetricSummary, Summary, Unit } from "../types";
import { formatDifference, formatInterval, formatP, formatValue, lessIsBetter, verdictOf } from "../words";
import classes from "./compare.module.css";
import { IntervalBar, scaleOf } from "./interval-bar";
import { Record } from "./record";

interface MetricsProps {
  summary: Summary;
  onRows: (next: ExperimentSearch) => void;
}

interface Line {
  variant: string;
  metric: MetricSummary;
  comparison: MetricComparison | undefined;
}

/** The metrics in their order, each with a line for every variant that has it. */
export function linesOf({ variants, comparisons }: Summary): Map<string, Line[]> {
  const found = new Map<string, Line[]>();
  for (const variant of variants)
    for (const metric of [...variant.metrics, ...tailOf(variant)]) {
      const comparison = comparisons.find(
        (one) => one.metric === metric.metric && one.variant === variant.variant,
      );
      const lines = found.get(metric.metric) ?? [];
      found.set(metric.metric, [...lines, { variant: variant.variant, metric, comparison }]);
    }
  return found;
}

/** The slowest twentieth stands beside the mean. */
function tailOf({ latency_p95: figure, done }: Summary["variants"][number]): MetricSummary[] {
  if (!figure) return [];
  return [
    {
      metric: "p95_latency",
      unit: "seconds",
      n: done,
      unscored: 0,
      reasons: {},
      figure,
      labels: {},
      groups: null,
    },
  ];
}

export function Metrics({ summary, onRows }: MetricsProps) {
  const confidence = `${Math.round(summary.confidence * 100)}%`;
  return (
    <section className="card" aria-label="Metrics">
      <div className="card-head">
        Metrics
        <span className={classes.note}>
          intervals of {confidence}; differences are paired row by row against {summary.baseline}, p by Holm
        </span>
      </div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Metric</th>
              <th scope="col">Variant</th>
              <th scope="col" className="number">
                Value
              </th>
              <th scope="col">{confidence} interval</th>
              <th scope="col" className="number">
                Difference
              </th>
              <th scope="col" className="number">
                p
              </th>
              <th scope="col">Win, tie, loss</th>
              <th scope="col" className="number">
                Rows
              </th>
            </tr>
          </thead>
          {[...linesOf(summary)].map(([name, lines]) => (
            <Metric key={name} name={name} lines={lines} baseline={summary.baseline} onRows={onRows} />
          ))}
        </table>
      </div>
    </section>
  );
}

interface MetricProps {
  name: string;
  lines: readonly Line[];
  baseline: string;
  onRows: (next: ExperimentSearch) => void;
}

function Metric({ name, lines, baseline, onRows }: MetricProps) {
  const scale = scaleOf(lines.map((line) => line.metric.figure));
  return (
    <tbody>
      {lines.map(({ variant, metric, comparison }, index) => (
        <tr key={variant}>
          {index === 0 && (
            <th scope="rowgroup" rowSpan={lines.length}>
              {name}
              {lessIsBetter(name) || name === "p95_latency" ? (
                <div className="faint">less is better</div>
              ) : null}
            </th>
          )}
          <td>
            {variant}
            {variant === baseline && lines.length > 1 && <span className="faint"> baseline</span>}
          </td>
          <td className="number">
            <b>{metric.figure ? formatValue(metric.figure.value, metric.unit) : sayLabels(metric)}</b>
          </td>
          <td>
            <Interval figure={metric.figure} unit={metric.unit} scale={scale} />
          </td>
          <Difference comparison={comparison} onRows={onRows} />
          <td className="number">
            {formatCount(metric.n)}
            {metric.unscored > 0 && (
              <div className="warn" title={sayReasons(metric.reasons)}>
                {formatCount(metric.unscored)} unscored
              </div>
            )}
          </td>
        </tr>
      ))}
    </tbody>
  );
}

interface IntervalProps {
  figure: Figure | null;
  unit: Unit;
  scale: { from: number; to: number };
}

function Interval({ figure, unit, scale }: IntervalProps) {
  if (!figure) return <span className="faint">{NOTHING}</span>;
  return (
    <span className={classes.interval} title={figure.method}>
      <IntervalBar figure={figure} scale={scale} />
      <span>{formatInterval(figure, unit)}</span>
    </span>
  );
}

interface DifferenceProps {
  comparison: MetricComparison | undefined;
  onRows: (next: ExperimentSearch) => void;
}

function Difference({ comparison, onRows }: DifferenceProps) {
  if (!comparison)
    return (
      <>
        <td className="number faint">{NOTHING}</td>
        <td className="number faint">{NOTHING}</td>
        <td className="faint">{NOTHING}</td>
      </>
    );
  const { metric, variant, difference, unit } = comparison;
  const verdict = verdictOf(metric, difference);
  const less = lessIsBetter(metric);
  return (
    <>
      <td className="number">
        <span className={verdict === "better" ? "good" : verdict === "worse" ? "bad" : undefined}>
          <b>{formatDifference(difference.value, unit)}</b>{" "}
          <span className={classes.word}>{verdict === "unclear" ? "not clear" : verdict}</span>
        </span>
        <div className="faint" title={difference.method}>
          {formatInterval(difference, unit, formatDifference)}
        </div>
      </td>
      <td className="number" title={`${comparison.test}; uncorrected ${formatP(comparison.p)}`}>
        {formatP(comparison.p_corrected).replace("p = ", "").replace("p ", "")}
      </td>
      <td>
        <Record
          // A rise of what should be low is a loss.
          wins={less ? comparison.losses : comparison.wins}
          losses={less ? comparison.wins : comparison.losses}
          ties={comparison.ties}
          onWorse={() =>
            onRows({ metric, variant, order: less ? "rise" : undefined, change: less ? "rose" : "fell" })
          }
        />
      </td>
    </>
  );
}

/** The most frequent labels of a category. */
function sayLabels({ labels }: MetricSummary): string {
  const all = Object.entries(labels ?? {}).sort((a, b) => b[1] - a[1]);
  if (all.length === 0) return NOTHING;
  return all
    .slice(0, 3)
    .map(([label, count]) => `${label} ${formatCount(count)}`)
    .join(", ");
}

function sayReasons(reasons: { [reason: string]: number }): string {
  return Object.entries(reasons)
    .map(([reason, count]) => `${formatCount(count)} × ${reason}`)
    .join("\n");
}
