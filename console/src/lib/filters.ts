/** Column filters of the trace list, as the API and the address write them: `column:operator:value`. */

import { formatDuration, formatMoney } from "./format";

export const OPERATORS = ["eq", "ne", "in", "gt", "gte", "lt", "lte", "contains", "has", "missing"] as const;
export type Operator = (typeof OPERATORS)[number];

/** All names of the API's filter are taken from an address; these are offered. `category` values come from a short list (facets); the others are typed in. */
export type ColumnType = "category" | "text" | "duration" | "money" | "count" | "flag";

export interface FilterColumn {
  id: string;
  label: string;
  type: ColumnType;
}

export const FILTER_COLUMNS: readonly FilterColumn[] = [
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

const BY_TYPE: Record<ColumnType, readonly Operator[]> = {
  category: ["in", "eq", "ne", "contains", "has", "missing"],
  text: ["contains", "eq", "ne", "has", "missing"],
  duration: ["gte", "lte", "gt", "lt", "has", "missing"],
  money: ["gte", "lte", "gt", "lt", "has", "missing"],
  count: ["gte", "lte", "gt", "lt", "eq"],
  flag: ["eq"],
};

export const OPERATOR_LABELS: Record<Operator, string> = {
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

export function operatorsOf(type: ColumnType): readonly Operator[] {
  return BY_TYPE[type];
}

export function columnOf(id: string): FilterColumn {
  return FILTER_COLUMNS.find((column) => column.id === id) ?? { id, label: id, type: "text" };
}

export function needsValue(operator: Operator): boolean {
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

export function formatFilter(filter: Filter): string {
  return needsValue(filter.operator)
    ? `${filter.column}:${filter.operator}:${filter.value}`
    : `${filter.column}:${filter.operator}`;
}

/** For people: `Latency ≥ 2.00 s`. Key ids read as their names where `names` knows them. */
export function describeFilter(filter: Filter, names: Record<string, string> = {}): string {
  const { label } = columnOf(filter.column);
  const operator = OPERATOR_LABELS[filter.operator];
  if (!needsValue(filter.operator)) return `${label} ${operator}`;
  return `${label} ${operator} ${describeValue(filter, names)}`;
}

export function describeValue(filter: Filter, names: Record<string, string> = {}): string {
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
export function listOf(value: string): string[] {
  return value.split(",").filter((text) => text !== "");
}

/** What a person types, as the API wants it; null when it cannot be read. `2s`, `350 ms`, `$0.01`, `1.5k`. */
export function readTyped(type: ColumnType, text: string): string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (type === "duration") return readDuration(trimmed);
  if (type === "money") {
    const match = /^\$?\s*(\d+(?:\.\d+)?|\.\d+)$/.exec(trimmed);
    return match ? String(Math.round(Number(match[1]) * 1_000_000_000)) : null;
  }
  if (type === "count") {
    const match = /^(\d+(?:\.\d+)?)\s*([km]?)$/i.exec(trimmed);
    if (!match) return null;
    const scale = { "": 1, k: 1_000, m: 1_000_000 }[(match[2] ?? "").toLowerCase()] ?? 1;
    return String(Math.round(Number(match[1]) * scale));
  }
  return trimmed;
}

function readDuration(text: string): string | null {
  const match = /^(\d+(?:\.\d+)?|\.\d+)\s*(us|µs|ms|s|m|min|h)?$/i.exec(text);
  if (!match) return null;
  const units: Record<string, number> = { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 };
  return String(Math.round(Number(match[1]) * (units[(match[2] ?? "ms").toLowerCase()] ?? 1e3)));
}

/** Adds a filter; one that says the same about the same column is replaced, not doubled. */
export function withFilter(filters: readonly string[], next: Filter): string[] {
  const kept = filters.filter((text) => {
    const filter = parseFilter(text);
    return !filter || filter.column !== next.column || !supersedes(next.operator, filter.operator);
  });
  return [...kept, formatFilter(next)];
}

function supersedes(next: Operator, before: Operator): boolean {
  if (next === before) return true;
  const bounds: readonly Operator[][] = [
    ["eq", "in", "has", "missing"],
    ["gt", "gte", "missing"],
    ["lt", "lte", "missing"],
  ];
  return bounds.some((group) => group.includes(next) && group.includes(before));
}

function isOperator(text: string): text is Operator {
  return (OPERATORS as readonly string[]).includes(text);
}
