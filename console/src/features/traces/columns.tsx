/** The columns of the trace list: what a cell shows, how wide it is, and which filter its head offers. */

import { createColumnHelper, tableFeatures } from "@tanstack/react-table";
import type { TraceRow } from "@/api/types";
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

export const features = tableFeatures({});

export interface ColumnMeta {
  /** Pixels; the last column takes what is left. */
  width: number;
  numeric?: boolean;
  /** The filter column of this head, in the API's spelling; none for `time`, which the range picker filters. */
  filter?: string;
  label: string;
  /** Only shown when asked for, or where the window is wide. */
  wide?: boolean;
}

const helper = createColumnHelper<typeof features, TraceRow>();

function text(value: string | null | undefined) {
  return value ? <span title={value}>{value}</span> : <span className="faint">{NOTHING}</span>;
}

/** A hash or an id, shortened; the whole of it in the tooltip. */
function short(value: string | null | undefined) {
  if (!value) return text(null);
  return <span title={value}>{/^[0-9a-f]{12,}$/.test(value) ? `${value.slice(0, 8)}…` : value}</span>;
}

function tokensTitle({ usage }: TraceRow): string {
  const buckets = (["input", "cache_read", "cache_write", "output", "reasoning"] as const)
    .filter((name) => usage[name] > 0)
    .map((name) => `${name.replace("_", " ")} ${formatCount(usage[name])}`);
  return [...buckets, ...(usage.estimated ? ["estimated: the provider reported none"] : [])].join("\n");
}

export const META: Record<string, ColumnMeta> = {
  time: { width: 120, label: "Time" },
  status: { width: 78, filter: "status", label: "Status" },
  model: { width: 146, filter: "model", label: "Model" },
  provider: { width: 80, filter: "provider", label: "Provider" },
  operation: { width: 92, filter: "operation", label: "Operation" },
  duration: { width: 68, filter: "duration", label: "Latency", numeric: true },
  ttft: { width: 66, filter: "ttft", label: "TTFT", numeric: true },
  tokens: { width: 62, filter: "usage_total", label: "Tokens", numeric: true },
  cost: { width: 92, filter: "cost", label: "Cost", numeric: true },
  key: { width: 94, filter: "key", label: "Key" },
  route: { width: 90, filter: "route", label: "Route", wide: true },
  session: { width: 116, filter: "session", label: "Session", wide: true },
  user: { width: 86, filter: "user", label: "User", wide: true },
  preview: { width: 150, label: "Input → output" },
};

export const COLUMN_IDS = Object.keys(META);

export const columns = helper.columns([
  helper.accessor("started", {
    id: "time",
    cell: ({ row }) => (
      <time
        dateTime={new Date(row.original.started / 1000).toISOString()}
        title={formatTime(row.original.started)}
      >
        {formatRowTime(row.original.started, nowMicroseconds())}
      </time>
    ),
  }),
  helper.accessor("status", {
    id: "status",
    cell: ({ row }) => <StatusMark status={row.original.status} detail={errorDetail(row.original)} />,
  }),
  helper.display({
    id: "model",
    cell: ({ row }) => text(row.original.served_model ?? row.original.requested_model),
  }),
  helper.display({ id: "provider", cell: ({ row }) => text(row.original.provider) }),
  helper.display({ id: "operation", cell: ({ row }) => text(row.original.operation) }),
  helper.display({ id: "duration", cell: ({ row }) => formatDuration(row.original.duration) }),
  helper.display({
    id: "ttft",
    cell: ({ row }) =>
      row.original.ttft === null || row.original.ttft === undefined
        ? text(null)
        : formatDuration(row.original.ttft),
  }),
  helper.display({
    id: "tokens",
    cell: ({ row }) => (
      <span title={tokensTitle(row.original)}>
        {row.original.usage.estimated ? "≈" : ""}
        {formatCompact(row.original.usage.total)}
      </span>
    ),
  }),
  helper.display({
    id: "cost",
    cell: ({ row: { original } }) => (
      <span className={original.cost === null ? "faint" : undefined} title={formatMoney(original.cost)}>
        {formatMoneyRow(original.cost)}
      </span>
    ),
  }),
  helper.display({ id: "key", cell: ({ row }) => text(row.original.key_name ?? row.original.key) }),
  helper.display({ id: "route", cell: ({ row }) => text(row.original.route) }),
  helper.display({ id: "session", cell: ({ row }) => short(row.original.session) }),
  helper.display({ id: "user", cell: ({ row }) => short(row.original.user) }),
  helper.display({
    id: "preview",
    cell: ({ row }) => (
      <>
        {row.original.input_preview}
        {row.original.output_preview && <span className="faint"> → {row.original.output_preview}</span>}
      </>
    ),
  }),
]);

export function errorDetail(row: TraceRow): string {
  return [row.http_status && row.http_status >= 400 ? row.http_status : null, row.error_type]
    .filter(Boolean)
    .join(" ");
}

/** The head of a column; the zone of all times stands in the head of theirs. */
export function headOf(id: string): string {
  const label = META[id]?.label ?? id;
  return id === "time" ? `${label} (${zoneOf(new Date())})` : label;
}

/** Which columns to show: the address's choice, else the usual ones that fit. */
export function visibleColumns(cols: string | undefined, wide: boolean): string[] {
  const chosen = cols?.split(",").filter((id) => id in META) ?? [];
  if (chosen.length) return COLUMN_IDS.filter((id) => chosen.includes(id));
  return COLUMN_IDS.filter((id) => wide || !META[id]?.wide);
}
