/** One row: what was asked, what is right, and the variants' answers side by side. */

import { ActionIcon, NativeSelect, Skeleton, Switch } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { CopyIcon } from "@/components/copy";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { JsonView, pretty } from "@/components/json-view";
import watch from "@/components/watch.module.css";
import { TextDiff } from "@/features/traces/compare/text-diff";
import { formatDuration, formatMoneyShort } from "@/lib/format";
import { useRowView } from "../queries";
import type { CellView, Experiment, RowView } from "../types";
import classes from "./compare.module.css";
import { Findings } from "./findings";

interface RowDetailProps {
  experiment: Experiment;
  position: number;
  variant: string | undefined;
  onClose: () => void;
}

export function RowDetail({ experiment, position, variant, onClose }: RowDetailProps) {
  const { data, error, refetch } = useRowView(experiment.id, position);
  return (
    <section className={`card ${classes.detail}`} aria-label={`Row ${position}`}>
      <div className="card-head">
        Row {data?.row.id && data.row.id.length < 24 ? data.row.id : position}
        {data?.row.group && <span className="faint">group {data.row.group}</span>}
        <span className={watch.push} />
        <ActionIcon variant="subtle" color="gray" aria-label="Close the row" onClick={onClose}>
          <Icon name="close" size={14} />
        </ActionIcon>
      </div>
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={220} m={12} role="status" aria-label="Loading the row" />}
      {data && <Loaded experiment={experiment} view={data} variant={variant} />}
    </section>
  );
}

interface LoadedProps {
  experiment: Experiment;
  view: RowView;
  variant: string | undefined;
}

function Loaded({ experiment, view: { row, cells }, variant }: LoadedProps) {
  const { spec } = experiment;
  const names = spec.variants.map((one) => one.name);
  const baseline = spec.baseline ?? names[0] ?? "";
  const repetitions = [...new Set(cells.map((cell) => cell.repetition))].sort((a, b) => a - b);
  const [repetition, setRepetition] = useState(repetitions[0] ?? 0);
  const [marked, setMarked] = useState(false);
  const of = (name: string) => cells.find((cell) => cell.variant === name && cell.repetition === repetition);
  const shown = [baseline, ...names.filter((name) => name !== baseline)];
  const chosen = variant && variant !== baseline ? variant : shown[1];
  const [a, b] = [of(baseline), chosen ? of(chosen) : undefined];
  return (
    <div className={classes.detailBody}>
      <Labelled title="Input" value={row.input} />
      {row.reference !== undefined && row.reference !== null && (
        <Labelled title="Reference" value={row.reference} />
      )}
      {(row.context ?? []).map((text, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: contexts have no identity but their place.
        <Labelled key={index} title={`Context ${index + 1}`} value={text} />
      ))}
      <div className={classes.controls}>
        {names.length > 1 && (
          <Switch
            size="xs"
            label={`Mark what ${chosen} says otherwise than ${baseline}`}
            checked={marked}
            onChange={(event) => setMarked(event.currentTarget.checked)}
          />
        )}
        {repetitions.length > 1 && (
          <NativeSelect
            size="xs"
            aria-label="Repetition"
            data={repetitions.map((one) => ({ value: String(one), label: `Repetition ${one + 1}` }))}
            value={String(repetition)}
            onChange={(event) => setRepetition(Number(event.currentTarget.value))}
          />
        )}
      </div>
      {marked && a && b && <TextDiff a={textOf(a)} b={textOf(b)} />}
      <div className={classes.answers}>
        {shown.map((name) => (
          <Answer key={name} name={name} baseline={name === baseline} cell={of(name)} />
        ))}
      </div>
    </div>
  );
}

function Labelled({ title, value }: { title: string; value: unknown }) {
  return (
    <div>
      <h3 className={classes.label}>{title}</h3>
      {typeof value === "string" ? (
        <pre className={classes.text}>{value}</pre>
      ) : (
        <JsonView value={value} label={title.toLowerCase()} />
      )}
    </div>
  );
}

/** What a variant said: its text, else its tool calls or what a function returned. */
function textOf({ output, error }: CellView): string {
  if (error) return "";
  if (output?.text) return output.text;
  if (output?.tool_calls?.length) return pretty(output.tool_calls);
  return output?.data === undefined || output.data === null ? "" : pretty(output.data);
}

interface AnswerProps {
  name: string;
  baseline: boolean;
  cell: CellView | undefined;
}

function Answer({ name, baseline, cell }: AnswerProps) {
  const text = cell ? textOf(cell) : "";
  return (
    <article className={classes.answer} aria-label={`Answer of ${name}`}>
      <header className={classes.answerHead}>
        <b>{name}</b> {baseline && <span className="faint">baseline</span>}
        <span className={watch.push} />
        {cell?.cached && <span className="faint">used again</span>}
        {text && <CopyIcon text={text} label={`Copy the answer of ${name}`} />}
      </header>
      {!cell && <p className="faint">Not asked yet.</p>}
      {cell?.error && <p className="bad">{cell.error}</p>}
      {cell &&
        !cell.error &&
        (text ? <pre className={classes.text}>{text}</pre> : <p className="faint">Empty.</p>)}
      {cell && <Findings findings={cell.findings} />}
      {cell?.output && (
        <footer className={classes.answerFoot}>
          <span>{formatMoneyShort(cell.cost)}</span>
          <span>{formatDuration(cell.output.latency ?? 0)}</span>
          {cell.output.finish_reason && cell.output.finish_reason !== "stop" && (
            <span className="warn">ended: {cell.output.finish_reason}</span>
          )}
          {cell.output.trace_id && (
            <Link to="/traces/$traceId" params={{ traceId: cell.output.trace_id }} search={{}}>
              Trace
            </Link>
          )}
        </footer>
      )}
    </article>
  );
}
