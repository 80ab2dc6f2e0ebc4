/** How good the labels are: agreement by question, and each annotator's pace and accuracy. */

import { Link } from "@tanstack/react-router";
import watch from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatCount, formatPercent, formatTime, NOTHING } from "@/lib/format";
import classes from "../annotation.module.css";
import type { AnnotatorProgress, QueueReport } from "../types";
import { nameOf, sayAlpha, sayPace, saySharing, trustIn } from "../words";
import { CalibrationLink } from "./calibration-link";

export function Quality({ report }: { report: QueueReport }) {
  return (
    <div className={watch.stack}>
      <AgreementTable report={report} />
      <AnnotatorsTable report={report} />
    </div>
  );
}

function AgreementTable({ report }: { report: QueueReport }) {
  const { queue, agreement } = report;
  const none = agreement.every((one) => one.items === 0);
  return (
    <section className="card" aria-label="Agreement">
      <div className="card-head">
        Agreement <span className="faint">on items that several people labelled</span>
      </div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Question</th>
              <th scope="col" className="number">
                Items
              </th>
              <th scope="col" className="number">
                Same answer
              </th>
              <th scope="col">Krippendorff's α</th>
              <th scope="col">Which is</th>
              <th scope="col">Judge</th>
            </tr>
          </thead>
          <tbody>
            {agreement.map((one) => {
              const trust = trustIn(one.alpha);
              const { value, interval } = sayAlpha(one.alpha);
              return (
                <tr key={one.question}>
                  <th scope="row">{one.question}</th>
                  <td className="number">{formatCount(one.items)}</td>
                  <td className="number">{formatPercent(one.same)}</td>
                  <td className={classes.interval}>
                    <b>{value}</b> <span className="faint">{interval}</span>
                  </td>
                  <td className={`${classes.why} ${trust?.tone ?? "faint"}`}>
                    {trust?.says ?? "cannot be told"}
                  </td>
                  <td>
                    <CalibrationLink queue={queue} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {none && (
        <p className={watch.none}>
          {queue.doubled > 0
            ? `Nothing was labelled by two people yet; ${formatPercent(queue.doubled)} of the items are to be.`
            : "No item is labelled by two people. Change the queue to measure how far people agree."}
        </p>
      )}
    </section>
  );
}

function AnnotatorsTable({ report }: { report: QueueReport }) {
  const { annotators, golden, queue } = report;
  const questions = queue.questions.filter((one) => golden.some((result) => result.question === one.name));
  if (annotators.length === 0)
    return (
      <section className="card" aria-label="Annotators">
        <div className="card-head">Annotators</div>
        <p className={watch.none}>
          Nobody has labelled anything yet.{" "}
          <Link to="/annotation/$queue/label" params={{ queue: queue.id }}>
            Annotate
          </Link>
        </p>
      </section>
    );
  return (
    <section className="card" aria-label="Annotators">
      <div className="card-head">Annotators</div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" className="number">
                Labelled
              </th>
              <th scope="col" className="number">
                Skipped
              </th>
              <th scope="col" className="number" title="Median from one label to the next, without pauses">
                Time an item
              </th>
              <th scope="col">Last</th>
              {questions.map((one) => (
                <th key={one.name} scope="col">
                  Right on golden: {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {annotators.map((one) => (
              <tr key={one.annotator}>
                <th scope="row" title={one.annotator}>
                  {nameOf(report, one.annotator)}
                </th>
                <td className="number">{formatCount(one.labelled)}</td>
                <td className="number">{formatCount(one.skipped)}</td>
                <td className="number">{sayPace(one.median_seconds)}</td>
                <td>
                  <Last at={one.last} />
                </td>
                {questions.map((question) => (
                  <td key={question.name} className={classes.interval}>
                    <Accuracy report={report} annotator={one.annotator} question={question.name} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Last({ at }: { at: AnnotatorProgress["last"] }) {
  if (at === null) return NOTHING;
  return (
    <time className="dim" title={formatTime(at)}>
      {formatAgo(at, nowMicroseconds())}
    </time>
  );
}

function Accuracy({
  report,
  annotator,
  question,
}: {
  report: QueueReport;
  annotator: string;
  question: string;
}) {
  const found = report.golden.find((one) => one.annotator === annotator && one.question === question);
  if (!found) return <span className="faint">{NOTHING}</span>;
  const { value, interval } = saySharing(found.accuracy);
  return (
    <span title={`${found.right} of ${found.answered}`}>
      <b>{value}</b> <span className="faint">{interval}</span>
    </span>
  );
}
