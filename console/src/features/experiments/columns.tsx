import type { RowColumn } from "@/components/rows/columns";
import rows from "@/components/rows/rows.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatCompact, formatMoneyShort, formatTime } from "@/lib/format";
import classes from "./experiments.module.css";
import { ExperimentStateMark, ProgressBar } from "./state-mark";
import type { Experiment } from "./types";
import { isActive, shareDone } from "./words";

export function experimentColumns(): readonly RowColumn<Experiment>[] {
  return [
    { id: "name", label: "Experiment", width: 230, cell: (row) => <b title={row.name}>{row.name}</b> },
    {
      id: "state",
      label: "State",
      width: 110,
      cell: (row) => <ExperimentStateMark state={row.state} reason={row.reason} />,
    },
    { id: "progress", label: "Progress", width: 150, cell: (row) => <Progress row={row} /> },
    {
      id: "dataset",
      label: "Dataset",
      width: 170,
      cell: (row) => <span title={row.spec.dataset}>{row.spec.dataset}</span>,
    },
    { id: "rows", label: "Rows", width: 70, numeric: true, cell: (row) => formatCompact(row.rows) },
    {
      id: "errors",
      label: "Errors",
      width: 70,
      numeric: true,
      cell: (row) => (
        <span className={row.counts.errors ? "bad" : "faint"}>{formatCompact(row.counts.errors)}</span>
      ),
    },
    {
      id: "cost",
      label: "Cost",
      width: 90,
      numeric: true,
      cell: (row) => (
        <span title={row.counts.unpriced ? `${row.counts.unpriced} answers have no known price` : undefined}>
          {formatMoneyShort(row.counts.cost)}
          {row.counts.unpriced ? "+" : ""}
        </span>
      ),
    },
    {
      id: "created",
      label: "Started",
      width: 120,
      cell: (row) => (
        <time title={formatTime(row.started ?? row.created)} className="dim">
          {formatAgo(row.started ?? row.created, nowMicroseconds())}
        </time>
      ),
    },
    { id: "by", label: "By", width: 110, wide: true, cell: (row) => row.created_by },
    {
      id: "variants",
      label: "Variants",
      width: 200,
      cell: (row) => {
        const names = row.spec.variants.map((one) => one.name).join(", ");
        return (
          <span className="dim" title={names}>
            {names}
          </span>
        );
      },
    },
  ];
}

function Progress({ row: { counts, state } }: { row: Experiment }) {
  const { done, errors, total } = counts;
  if (state === "draft") return <span className="faint">not started</span>;
  return (
    <span className={classes.progress} title={`${done + errors} of ${total} answers`}>
      <ProgressBar done={done} errors={errors} total={total} />
      <span className={isActive(state) ? undefined : "dim"}>{Math.floor(100 * shareDone(counts))}%</span>
    </span>
  );
}

/** As a phone shows it. */
export function CompactExperiment({ row }: { row: Experiment }) {
  return (
    <>
      <span className={rows.compactLine}>
        <b className="cut">{row.name}</b>
        <span className={rows.compactPush} />
        <ExperimentStateMark state={row.state} />
      </span>
      <span className={rows.compactLine}>
        <Progress row={row} />
        <span className={rows.compactPush} />
        <span className="dim cut">
          {row.spec.dataset}, {formatMoneyShort(row.counts.cost)}
        </span>
      </span>
    </>
  );
}
