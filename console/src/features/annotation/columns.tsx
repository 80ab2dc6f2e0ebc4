import { Skeleton } from "@mantine/core";
import type { RowColumn } from "@/components/rows/columns";
import rows from "@/components/rows/rows.module.css";
import { ProgressBar } from "@/features/experiments/state-mark";
import { formatCompact, formatPercent, NOTHING } from "@/lib/format";
import classes from "./annotation.module.css";
import { useReport } from "./queries";
import type { Queue } from "./types";
import { goldenShare, leastAgreed, sayAlpha, sayRubric, trustIn } from "./words";

export const QUEUE_COLUMNS: readonly RowColumn<Queue>[] = [
  {
    id: "name",
    label: "Queue",
    width: 210,
    cell: (row) => <b title={row.description || row.name}>{row.name}</b>,
  },
  { id: "progress", label: "Done", width: 180, cell: (row) => <Progress queue={row} /> },
  {
    id: "open",
    label: "Open",
    width: 70,
    numeric: true,
    cell: (row) => formatCompact(row.items - row.done - row.skipped),
  },
  { id: "agreement", label: "Agreement", width: 190, cell: (row) => <AgreementCell queue={row} /> },
  {
    id: "golden",
    label: "Golden right",
    width: 110,
    numeric: true,
    cell: (row) => <GoldenCell queue={row} />,
  },
  { id: "annotators", label: "Annotators", width: 150, cell: (row) => <Annotators queue={row} /> },
  {
    id: "rubric",
    label: "Rubric",
    width: 240,
    cell: (row) => (
      <span className="dim" title={sayRubric(row.questions)}>
        {sayRubric(row.questions)}
      </span>
    ),
  },
];

export function Progress({ queue: { items, done, skipped } }: { queue: Queue }) {
  if (items === 0) return <span className="dim">no items</span>;
  return (
    <span className={classes.progress} title={skipped ? `${skipped} could not be judged` : undefined}>
      <ProgressBar done={done} errors={skipped} total={items} />
      <span>
        {formatCompact(done)}/{formatCompact(items)}
      </span>
    </span>
  );
}

/** Of the question on which people agree least. */
function AgreementCell({ queue }: { queue: Queue }) {
  const { data, error } = useReport(queue.id);
  if (error && !data) return <span className="dim">{NOTHING}</span>;
  if (!data) return <Skeleton height={12} width={80} />;
  const least = leastAgreed(data.agreement);
  const trust = trustIn(least?.alpha ?? null);
  if (!least || !trust) return <span className="dim">too few labels</span>;
  const { value, interval } = sayAlpha(least.alpha);
  return (
    <span title={`Krippendorff's alpha of ${least.question}, 95 % interval: ${trust.says}`}>
      <b className={trust.tone}>α {value}</b> <span className="dim">{interval}</span>
    </span>
  );
}

function GoldenCell({ queue }: { queue: Queue }) {
  const { data } = useReport(queue.id);
  const { right, answered } = goldenShare(data?.golden ?? []);
  if (answered === 0) return <span className="dim">{NOTHING}</span>;
  return (
    <span title={`${right} of ${answered} answers to golden items`}>{formatPercent(right / answered)}</span>
  );
}

function Annotators({ queue: { annotators } }: { queue: Queue }) {
  if (annotators.length === 0) return <span className="dim">anybody</span>;
  return <span title={annotators.join(", ")}>{annotators.join(", ")}</span>;
}

/** As a phone shows it. */
export function CompactQueue({ row }: { row: Queue }) {
  return (
    <>
      <span className={rows.compactLine}>
        <b className="cut">{row.name}</b>
        <span className={rows.compactPush} />
        <Progress queue={row} />
      </span>
      <span className={rows.compactLine}>
        <span className="dim cut">{sayRubric(row.questions)}</span>
        <span className={rows.compactPush} />
        <AgreementCell queue={row} />
      </span>
    </>
  );
}
