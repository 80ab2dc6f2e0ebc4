/** The columns of the trace list: what a cell shows, how wide it is, and what it sorts by. */

import type { ReactNode } from "react";
import type { TraceRow } from "@/api/types";
import type { RowColumn } from "@/components/rows/columns";
import { StatusMark } from "@/components/status";
import { nowMicroseconds } from "@/lib/clock";
import {
  formatCompact,
  formatCount,
  formatDuration,
  formatMoney,
  formatMoneyRow,
  formatRowTime,
  formatTime,
  NOTHING,
  zoneOf,
} from "@/lib/format";
import classes from "./traces.module.css";

function text(value: string | null | undefined): ReactNode {
  return value ? <span title={value}>{value}</span> : <span className="faint">{NOTHING}</span>;
}

/** A hash or an id, shortened; the whole of it in the tooltip. */
function short(value: string | null | undefined): ReactNode {
  if (!value) return text(null);
  return <span title={value}>{/^[0-9a-f]{12,}$/.test(value) ? `${value.slice(0, 8)}…` : value}</span>;
}

function pairs(fields: Record<string, unknown> | undefined): ReactNode {
  const entries = Object.entries(fields ?? {});
  if (entries.length === 0) return text(null);
  const words = entries.map(([name, value]) => `${name}:${typeof value === "number" ? round(value) : value}`);
  return <span title={words.join("\n")}>{words.join("  ")}</span>;
}

function round(value: number): string {
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3, useGrouping: false });
}

function tokensTitle({ usage }: TraceRow): string {
  const buckets = (["input", "cache_read", "cache_write", "output", "reasoning"] as const)
    .filter((name) => usage[name] > 0)
    .map((name) => `${name.replace("_", " ")} ${formatCount(usage[name])}`);
  return [...buckets, ...(usage.estimated ? ["estimated: the provider reported none"] : [])].join("\n");
}

/** What stands for the work: the model that answered, else its name. */
export function titleOf(row: TraceRow): string {
  return row.served_model ?? row.requested_model ?? row.name;
}

export function errorDetail(row: TraceRow): string {
  return [row.http_status && row.http_status >= 400 ? row.http_status : null, row.error_type]
    .filter(Boolean)
    .join(" ");
}

export const COLUMNS: readonly RowColumn<TraceRow>[] = [
  {
    id: "time",
    label: "Time",
    width: 120,
    sort: "started",
    // The zone of all times stands in the head of theirs.
    head: () => `Time (${zoneOf(new Date())})`,
    cell: (row) => (
      <time dateTime={new Date(row.started / 1000).toISOString()} title={formatTime(row.started)}>
        {formatRowTime(row.started, nowMicroseconds())}
      </time>
    ),
  },
  {
    id: "status",
    label: "Status",
    width: 78,
    cell: (row) => <StatusMark status={row.status} detail={errorDetail(row)} />,
  },
  {
    id: "name",
    label: "Name",
    width: 150,
    extra: true,
    cell: (row) => text(row.name),
  },
  {
    id: "model",
    label: "Model",
    width: 146,
    cell: (row) =>
      row.served_model || row.requested_model ? (
        text(row.served_model ?? row.requested_model)
      ) : (
        <span className="dim" title={`${row.kind}: ${row.name}`}>
          {row.name}
        </span>
      ),
  },
  { id: "provider", label: "Provider", width: 80, wide: true, cell: (row) => text(row.provider) },
  { id: "kind", label: "Kind", width: 80, extra: true, cell: (row) => text(row.kind) },
  {
    id: "operation",
    label: "Operation",
    width: 92,
    wide: true,
    cell: (row) => (row.operation ? text(row.operation) : <span className="dim">{row.kind}</span>),
  },
  { id: "service", label: "Service", width: 110, wide: true, cell: (row) => text(row.service) },
  {
    id: "duration",
    label: "Latency",
    width: 78,
    numeric: true,
    sort: "duration",
    cell: (row) => formatDuration(row.duration),
  },
  {
    id: "ttft",
    label: "TTFT",
    width: 66,
    numeric: true,
    cell: (row) => (row.ttft === null || row.ttft === undefined ? text(null) : formatDuration(row.ttft)),
  },
  {
    id: "tokens",
    label: "Tokens",
    width: 74,
    numeric: true,
    sort: "tokens",
    cell: (row) => (
      <span title={tokensTitle(row)}>
        {row.usage.estimated ? "≈" : ""}
        {formatCompact(row.usage.total)}
      </span>
    ),
  },
  {
    id: "cost",
    label: "Cost",
    width: 92,
    numeric: true,
    sort: "cost",
    cell: ({ cost }) => (
      <span className={cost === null ? "faint" : undefined} title={formatMoney(cost)}>
        {formatMoneyRow(cost)}
      </span>
    ),
  },
  {
    id: "spans",
    label: "Spans",
    width: 56,
    numeric: true,
    cell: (row) => (
      <span title={row.failed ? `${row.failed} of them failed` : undefined}>
        {formatCompact(row.spans)}
        {row.failed > 0 && row.spans > 1 && <span className="bad"> !</span>}
      </span>
    ),
  },
  { id: "key", label: "Key", width: 94, cell: (row) => text(row.key_name ?? row.key) },
  { id: "route", label: "Route", width: 90, wide: true, cell: (row) => text(row.route) },
  { id: "variant", label: "Variant", width: 90, extra: true, cell: (row) => text(row.variant) },
  {
    id: "prompt",
    label: "Prompt",
    width: 110,
    extra: true,
    cell: (row) => text([row.prompt_name, row.prompt_version].filter(Boolean).join(" ")),
  },
  { id: "cache", label: "Cache", width: 64, extra: true, cell: (row) => text(row.cache) },
  {
    id: "finish",
    label: "Ended",
    width: 84,
    extra: true,
    cell: (row) => text(row.finish_reasons?.join(", ")),
  },
  { id: "session", label: "Session", width: 116, wide: true, cell: (row) => short(row.session) },
  { id: "user", label: "User", width: 86, wide: true, cell: (row) => short(row.user) },
  { id: "tags", label: "Tags", width: 150, extra: true, cell: (row) => pairs(row.tags) },
  { id: "scores", label: "Scores", width: 120, extra: true, cell: (row) => pairs(row.scores) },
  {
    id: "preview",
    label: "Input → output",
    width: 150,
    cell: (row) => (
      <>
        {row.input_preview}
        {row.output_preview && <span className="faint"> → {row.output_preview}</span>}
      </>
    ),
  },
];

/** A row in three short lines, for a phone. */
export function CompactRow({ row }: { row: TraceRow }) {
  return (
    <>
      <span className={classes.compactLine}>
        <StatusMark status={row.status} />
        <b className="cut">{titleOf(row)}</b>
        <span className={classes.compactPush} />
        <span className="faint">{formatRowTime(row.started, nowMicroseconds())}</span>
      </span>
      <span className={`cut ${classes.compactText}`}>{row.input_preview || row.name}</span>
      <span className={`${classes.compactLine} dim`}>
        <span>{formatDuration(row.duration)}</span>
        <span>{formatCompact(row.usage.total)} tokens</span>
        <span>{formatMoneyRow(row.cost)}</span>
        <span className="cut">{row.key_name ?? row.service}</span>
      </span>
    </>
  );
}
