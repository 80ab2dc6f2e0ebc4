/** What a report says, as figures with their intervals. */

import type { ReactNode } from "react";
import { formatCount } from "@/lib/format";
import classes from "../calibrations.module.css";
import { EstimateBar } from "../estimate-bar";
import type { Report } from "../types";
import { formatCoefficient, formatShare } from "../words";

interface FiguresProps {
  report: Report;
}

function Card({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">{title}</div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <tbody>{children}</tbody>
        </table>
      </div>
      {note && <p className={classes.note}>{note}</p>}
    </section>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{children}</td>
    </tr>
  );
}

const COEFFICIENT = { from: -0.2, to: 1, write: formatCoefficient };

export function Agreement({ report }: FiguresProps) {
  return (
    <Card title="Agreement with people" note="Chance is 0, full agreement 1.">
      <Line name="Krippendorff's α">
        <EstimateBar estimate={report.agreement} {...COEFFICIENT} />
      </Line>
      {report.scale !== "number" && (
        <Line name="Cohen's κ">
          <EstimateBar estimate={report.kappa} {...COEFFICIENT} />
        </Line>
      )}
      {report.accuracy && (
        <>
          <Line name="Same verdict">
            <EstimateBar estimate={report.accuracy.agreement} />
          </Line>
          <Line name="Sensitivity">
            <EstimateBar estimate={report.accuracy.sensitivity} />
          </Line>
          <Line name="Specificity">
            <EstimateBar estimate={report.accuracy.specificity} />
          </Line>
        </>
      )}
    </Card>
  );
}

export function Confusion({ report: { confusion } }: FiguresProps) {
  if (!confusion) return null;
  return (
    <section className="card" aria-label="Confusion matrix">
      <div className="card-head">Confusion matrix</div>
      <table className={classes.table}>
        <thead>
          <tr>
            <td />
            <th scope="col" className={classes.number}>
              People: yes
            </th>
            <th scope="col" className={classes.number}>
              People: no
            </th>
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Judge: yes</th>
            <td className={classes.number}>{formatCount(confusion.true_positive)}</td>
            <td className={`${classes.number} bad`}>{formatCount(confusion.false_positive)}</td>
          </tr>
          <tr>
            <th scope="row">Judge: no</th>
            <td className={`${classes.number} bad`}>{formatCount(confusion.false_negative)}</td>
            <td className={classes.number}>{formatCount(confusion.true_negative)}</td>
          </tr>
        </tbody>
      </table>
    </section>
  );
}

export function Rates({ report }: FiguresProps) {
  const { raw, corrected, combined } = report;
  if (!raw && !corrected && !combined) return null;
  const shares = report.scale === "boolean";
  const scale = shares
    ? { write: formatShare }
    : { ...span([raw, combined?.estimate]), write: formatCoefficient };
  return (
    <Card
      title="What is it really"
      note={
        combined
          ? `The judge is relied on to ${Math.round(100 * combined.weight)}%; with it, the labels are worth ${formatCount(Math.round(combined.effective_labels))}.`
          : "Without judged items that nobody labelled there is nothing to correct."
      }
    >
      <Line name="The judge by itself">
        <EstimateBar estimate={raw} {...scale} />
      </Line>
      {shares && (
        <Line name="Corrected (Rogan–Gladen)">
          <EstimateBar estimate={corrected} {...scale} />
        </Line>
      )}
      <Line name="With the labels (PPI)">
        <EstimateBar estimate={combined?.estimate} {...scale} />
      </Line>
      <Line name="People alone">
        <EstimateBar estimate={combined?.labels_alone} {...scale} />
      </Line>
    </Card>
  );
}

/** A scale around values that are no shares. */
function span(estimates: readonly (Report["raw"] | undefined)[]): { from: number; to: number } {
  const ends = estimates.flatMap((one) => (one ? [one.interval.low, one.interval.high] : []));
  if (ends.length === 0) return { from: 0, to: 1 };
  const [from, to] = [Math.min(...ends), Math.max(...ends)];
  const around = (to - from || 1) * 0.3;
  return { from: from - around, to: to + around };
}

export function Bias({ report: { order, length, lengths, agreement } }: FiguresProps) {
  if (!order && !length && !lengths) return null;
  return (
    <Card
      title="Bias"
      note={
        length
          ? "A judge has to be right more often than the rule “the longest wins”."
          : "Read the judge's α beside that of the rule “the longer half is good”."
      }
    >
      {order && (
        <>
          <Line name="Same verdict in both orders">
            <EstimateBar estimate={order.consistent} />
          </Line>
          <Line name="Place decides">
            {formatCount(order.first)} times the first, {formatCount(order.second)} times the second
          </Line>
        </>
      )}
      {length && (
        <>
          <Line name="Prefers the longer">
            <EstimateBar estimate={length.judge_prefers_longer} />
          </Line>
          <Line name="People prefer the longer">
            <EstimateBar estimate={length.people_prefer_longer} />
          </Line>
          <Line name="Judge is right">
            <EstimateBar estimate={length.judge_right} />
          </Line>
          <Line name="The longest wins">
            <EstimateBar estimate={length.longest_right} />
          </Line>
        </>
      )}
      {lengths && (
        <>
          <Line name="Judge, α">
            <EstimateBar estimate={agreement} {...COEFFICIENT} />
          </Line>
          <Line name="The longer half is good, α">
            <EstimateBar estimate={lengths} {...COEFFICIENT} />
          </Line>
        </>
      )}
    </Card>
  );
}
