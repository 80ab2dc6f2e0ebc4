import type { RowColumn } from "@/components/rows/columns";
import rows from "@/components/rows/rows.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatCount, formatPercent, formatTime, NOTHING } from "@/lib/format";
import { JudgeStateMark } from "./state-mark";
import { formatCoefficient, type JudgeRow, sayEstimate, sayVersion } from "./words";

export const JUDGE_COLUMNS: readonly RowColumn<JudgeRow>[] = [
  {
    id: "judge",
    label: "Judge",
    width: 190,
    cell: (row) => (
      <b title={row.name}>
        {row.name}
        {row.metric !== row.name && <span className="faint"> {row.metric}</span>}
      </b>
    ),
  },
  {
    id: "version",
    label: "Version",
    width: 110,
    cell: (row) => (
      <span title={row.version.evaluator ?? undefined}>
        {sayVersion(row.version)}{" "}
        <span className="faint">
          {[...row.version.labels, ...(row.version.newest ? ["newest"] : [])].join(", ")}
        </span>
      </span>
    ),
  },
  {
    id: "state",
    label: "State",
    width: 140,
    cell: (row) => <JudgeStateMark state={row.state} reason={row.reason} />,
  },
  {
    id: "alpha",
    label: "Agreement (α)",
    width: 150,
    cell: (row) => sayEstimate(row.calibration?.report.agreement, formatCoefficient),
  },
  {
    id: "sensitivity",
    label: "Sensitivity",
    width: 150,
    cell: (row) => sayEstimate(row.calibration?.report.accuracy?.sensitivity, formatPercent),
  },
  {
    id: "specificity",
    label: "Specificity",
    width: 150,
    cell: (row) => sayEstimate(row.calibration?.report.accuracy?.specificity, formatPercent),
  },
  {
    id: "n",
    label: "Labels",
    width: 70,
    numeric: true,
    cell: (row) => (row.calibration ? formatCount(row.calibration.report.n) : NOTHING),
  },
  {
    id: "age",
    label: "Measured",
    width: 110,
    cell: (row) =>
      row.calibration ? (
        <time title={formatTime(row.calibration.at)} className="dim">
          {formatAgo(row.calibration.at, nowMicroseconds())}
        </time>
      ) : (
        <span className="faint">never</span>
      ),
  },
];

/** As a phone shows it. */
export function CompactJudge({ row }: { row: JudgeRow }) {
  return (
    <>
      <span className={rows.compactLine}>
        <b className="cut">{row.name}</b>
        <span className="faint">{sayVersion(row.version)}</span>
        <span className={rows.compactPush} />
        <JudgeStateMark state={row.state} reason={row.reason} />
      </span>
      <span className={rows.compactLine}>
        <span className="dim cut">
          {row.metric !== row.name && `${row.metric}, `}
          {row.calibration
            ? `α ${sayEstimate(row.calibration.report.agreement, formatCoefficient)}; ${formatCount(row.calibration.report.n)} labels`
            : "never measured"}
        </span>
      </span>
    </>
  );
}
