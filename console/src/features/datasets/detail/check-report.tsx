import watch from "@/components/watch.module.css";
import { formatCount, formatPercent } from "@/lib/format";
import type { CheckReport } from "../types";
import classes from "./detail.module.css";

interface ReportProps {
  report: CheckReport;
  onRow: (id: string) => void;
}

const TONE = { problem: "bad", warning: "warn", note: "dim" } as const;

export function Report({ report, onRow }: ReportProps) {
  const { findings, coverage } = report;
  return (
    <div className={watch.page}>
      <section className="card" aria-label="Findings">
        <div className="card-head">
          Findings{" "}
          <span className="faint">
            version {report.version}, {formatCount(report.rows)} rows
          </span>
        </div>
        {findings.length === 0 && <p className={classes.none}>Nothing stands out.</p>}
        <ul className={classes.changes}>
          {findings.map((one) => (
            <li key={`${one.code} ${one.message}`}>
              <b className={TONE[one.level]}>{one.level}</b>
              <span className="number">{formatCount(one.rows)} rows</span>
              <div>
                <span>{one.message}</span>
                <span className={classes.controls}>
                  {(one.examples ?? []).slice(0, 5).map((id) => (
                    <RowLink key={id} id={id} onRow={onRow} />
                  ))}
                </span>
              </div>
            </li>
          ))}
        </ul>
      </section>
      <div className={watch.halves}>
        <section className="card" aria-label="Near-duplicates">
          <div className="card-head">
            Ask nearly the same <span className="faint">{formatCount(report.near)} rows</span>
          </div>
          {report.near_pairs.length === 0 && <p className={classes.none}>None.</p>}
          <ul className={classes.splits}>
            {report.near_pairs.slice(0, 12).map((pair) => (
              <li key={`${pair.id} ${pair.of}`}>
                <RowLink id={pair.of} onRow={onRow} />
                <RowLink id={pair.id} onRow={onRow} />
                <span className="number">{formatPercent(pair.similarity)}</span>
                <span className={pair.splits[0] === pair.splits[1] ? "dim" : "bad"}>
                  {[...new Set(pair.splits)].filter(Boolean).join(", ")}
                </span>
              </li>
            ))}
          </ul>
        </section>
        <section className="card" aria-label="Fields">
          <div className="card-head">Fields and labels</div>
          <Shares
            lines={[
              ...report.fields.map((one) => ({ name: one.field, rows: one.rows })),
              ...(report.labels ?? []).map((one) => ({ name: `“${String(one.value)}”`, rows: one.rows })),
            ]}
            of={report.rows}
          />
        </section>
      </div>
      {coverage && (
        <section className="card" aria-label="Coverage of traffic">
          <div className="card-head">
            {formatPercent(coverage.covered)} of the traffic has a near row
            <span className="faint">{formatCount(coverage.compared)} questions compared</span>
          </div>
          <ul className={classes.changes}>
            {coverage.clusters.map((cluster) => (
              <li key={cluster.terms.join(" ")}>
                <span className="number">{formatPercent(cluster.share)}</span>
                <b className={cluster.covered < 0.5 ? "warn" : "good"}>
                  {formatPercent(cluster.covered)} near
                </b>
                <div>
                  <span>{cluster.terms.join(", ")}</span>
                  {cluster.missing.slice(0, 2).map((text) => (
                    <span key={text} className="dim">
                      {text}
                    </span>
                  ))}
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function RowLink({ id, onRow }: { id: string; onRow: (id: string) => void }) {
  return (
    <button type="button" className={classes.rowLink} title={`Show the row ${id}`} onClick={() => onRow(id)}>
      {id}
    </button>
  );
}

function Shares({ lines, of }: { lines: readonly { name: string; rows: number }[]; of: number }) {
  if (lines.length === 0) return <p className={classes.none}>Rows have nothing but an input.</p>;
  return (
    <ul className={classes.splits}>
      {lines.slice(0, 20).map((line) => (
        <li key={line.name}>
          <span className="cut" title={line.name}>
            {line.name}
          </span>
          <span className={classes.share}>
            <span style={{ width: `${(100 * line.rows) / (of || 1)}%` }} />
          </span>
          <span className="number">{formatCount(line.rows)}</span>
          <span className="number dim">{formatPercent(line.rows / (of || 1))}</span>
        </li>
      ))}
    </ul>
  );
}
