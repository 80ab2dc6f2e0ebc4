/**
 * Column filters of the trace list, as links of other pages write them into the address: `column:operator:value`.
 * What people type is the filter language, which the server reads.
 */

import { formatDuration, formatMoney } from "./format";

const OPERATORS = ["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "has", "missing"] as const;
export type Operator = (typeof OPERATORS)[number];

/** All names of the API's filter are taken from an address; these have a label and a unit. */
export type ColumnType = "category" | "text" | "duration" | "money" | "count" | "flag";

export interface FilterColumn {
  id: string;
  label: string;
  type: ColumnType;
}

const FILTER_COLUMNS: readonly FilterColumn[] = [
  { id: "status", label: "Status", type: "category" },
  { id: "model", label: "Model", type: "category" },
  { id: "requested_model", label: "Requested model", type: "category" },
  { id: "served_model", label: "Served model", type: "category" },
  { id: "provider", label: "Provider", type: "category" },
  { id: "route", label: "Route", type: "category" },
  { id: "variant", label: "Variant", type: "category" },
  { id: "cache", label: "Cache", type: "category" },
  { id: "operation", label: "Operation", type: "category" },
  { id: "stream", label: "Streamed", type: "flag" },
  { id: "duration", label: "Latency", type: "duration" },
  { id: "ttft", label: "Time to first token", type: "duration" },
  { id: "usage_total", label: "Tokens", type: "count" },
  { id: "usage_input", label: "Input tokens", type: "count" },
  { id: "usage_output", label: "Output tokens", type: "count" },
  { id: "usage_cache_read", label: "Cache-read tokens", type: "count" },
  { id: "usage_cache_write", label: "Cache-write tokens", type: "count" },
  { id: "usage_reasoning", label: "Reasoning tokens", type: "count" },
  { id: "cost", label: "Cost", type: "money" },
  { id: "key", label: "Key", type: "category" },
  { id: "session", label: "Session", type: "category" },
  { id: "user", label: "User", type: "category" },
  { id: "http_status", label: "HTTP status", type: "category" },
  { id: "error_type", label: "Error type", type: "category" },
  { id: "error_message", label: "Error message", type: "text" },
  { id: "name", label: "Name", type: "text" },
  { id: "kind", label: "Kind", type: "category" },
];

const OPERATOR_LABELS: Record<Operator, string> = {
  eq: "is",
  ne: "is not",
  in: "is one of",
  gt: ">",
  gte: "≥",
  lt: "<",
  lte: "≤",
  contains: "contains",
  has: "is set",
  missing: "is not set",
};

export interface Filter {
  column: string;
  operator: Operator;
  /** As the API wants it: microseconds, nano-dollars, plain text; a comma list for `in`. Empty for `has`, `missing`. */
  value: string;
}

function columnOf(id: string): FilterColumn {
  return FILTER_COLUMNS.find((column) => column.id === id) ?? { id, label: id, type: "text" };
}

function needsValue(operator: Operator): boolean {
  return operator !== "has" && operator !== "missing";
}

/** Reads one filter; null when it is not of the form `column:operator:value`. Values may hold colons. */
export function parseFilter(text: string): Filter | null {
  const match = /^([A-Za-z_][\w.]*):([a-z]+)(?::(.*))?$/s.exec(text);
  if (!match) return null;
  const [, column = "", operator = "", value = ""] = match;
  if (!isOperator(operator)) return null;
  if (needsValue(operator) === (value === "")) return null;
  return { column, operator, value };
}

/** For people: `Latency ≥ 2.00 s`. Key ids read as their names where `names` knows them. */
export function describeFilter(filter: Filter, names: Record<string, string> = {}): string {
  const { label } = columnOf(filter.column);
  const operator = OPERATOR_LABELS[filter.operator];
  if (!needsValue(filter.operator)) return `${label} ${operator}`;
  return `${label} ${operator} ${describeValue(filter, names)}`;
}

function describeValue(filter: Filter, names: Record<string, string> = {}): string {
  const { type } = columnOf(filter.column);
  if (type === "duration") return formatDuration(Number(filter.value));
  if (type === "money") return formatMoney(Number(filter.value));
  if (filter.operator === "in")
    return listOf(filter.value)
      .map((value) => names[value] ?? value)
      .join(", ");
  return names[filter.value] ?? filter.value;
}

/** The values of an `in` filter. */
function listOf(value: string): string[] {
  return value.split(",").filter((text) => text !== "");
}

function isOperator(text: string): text is Operator {
  return (OPERATORS as readonly string[]).includes(text);
}
