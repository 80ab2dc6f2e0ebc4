import { ActionIcon } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import classes from "../annotation.module.css";
import { ItemView } from "../item-view";
import type { ItemLabel, LabelledItem, QueueReport } from "../types";
import { isDisputed, nameOf, sayAnswer } from "../words";

interface ItemPanelProps {
  row: LabelledItem;
  report: QueueReport;
  onClose: () => void;
}

export function ItemPanel({ row: { item, labels }, report, onClose }: ItemPanelProps) {
  return (
    <section className={`card ${classes.panel}`} aria-label={`Item ${item.position + 1}`}>
      <div className="card-head">
        Item {item.position + 1}
        {item.golden && <span className="warn">golden: its right answers are known</span>}
        <span className={watch.push} />
        <Origin source={item.source} />
        <ActionIcon variant="subtle" color="gray" aria-label="Close the item" onClick={onClose}>
          <Icon name="close" size={14} />
        </ActionIcon>
      </div>
      <div className={classes.panelBody}>
        <Labels item={item} labels={labels} report={report} />
        <ItemView {...item} />
      </div>
    </section>
  );
}

/** What the API leaves out has its default. */
type ItemSource = Partial<LabelledItem["item"]["source"]>;

function Origin({ source }: { source: ItemSource }) {
  const { trace_id: trace, dataset, experiment, row, version } = source;
  return (
    <>
      {trace && (
        <Link
          to="/traces/$traceId"
          params={{ traceId: trace }}
          search={{ span: source.span_id ?? undefined }}
        >
          Trace
        </Link>
      )}
      {dataset && (
        <Link
          to="/datasets/$dataset"
          params={{ dataset: dataset.replaceAll("/", ":") }}
          search={{ row: row ?? undefined, version: version ? String(version) : undefined }}
        >
          Dataset
        </Link>
      )}
      {experiment && (
        <Link
          to="/experiments/$experiment"
          params={{ experiment }}
          search={{ tab: "rows", row: row ?? undefined }}
        >
          Experiment
        </Link>
      )}
    </>
  );
}

/** A line for each question, a column for each person. */
function Labels({
  item,
  labels,
  report,
}: Omit<LabelledItem, "item"> & { item: LabelledItem["item"]; report: QueueReport }) {
  const { questions } = report.queue;
  if (labels.length === 0)
    return (
      <p className="dim">
        Nobody has labelled it yet.
        {item.assigned.length > 0 && ` It waits for ${item.assigned.join(", ")}.`}
      </p>
    );
  return (
    <div className={classes.scroll}>
      <table className={classes.table} aria-label="Labels">
        <thead>
          <tr>
            <th scope="col">Question</th>
            {labels.map((label) => (
              <th key={label.annotator} scope="col">
                {nameOf(report, label.annotator)}{" "}
                <time className="faint" title={formatTime(label.created)}>
                  {formatAgo(label.created, nowMicroseconds())}
                </time>
              </th>
            ))}
            {item.golden && <th scope="col">Right</th>}
          </tr>
        </thead>
        <tbody>
          {questions.map((question) => {
            const values = labels.map((label) => label.answers[question.name]);
            const disputed = !item.golden && isDisputed(question, values);
            return (
              <tr key={question.name} data-disputed={disputed || undefined}>
                <th scope="row">{question.name}</th>
                {labels.map((label) => (
                  <td key={label.annotator}>{sayAnswer(label.answers[question.name])}</td>
                ))}
                {item.golden && <td>{sayAnswer(item.golden[question.name])}</td>}
              </tr>
            );
          })}
          <Said title="Comment" of={(label) => label.comment} labels={labels} />
          <Said title="Skipped" of={(label) => label.skipped ?? ""} labels={labels} />
        </tbody>
      </table>
    </div>
  );
}

function Said({
  title,
  of,
  labels,
}: {
  title: string;
  of: (label: ItemLabel) => string;
  labels: readonly ItemLabel[];
}) {
  if (!labels.some(of)) return null;
  return (
    <tr>
      <th scope="row">{title}</th>
      {labels.map((label) => (
        <td key={label.annotator} className="dim">
          {of(label)}
        </td>
      ))}
    </tr>
  );
}
