/** Filters and sums of invented calls, as the span store would work them out. */

import type { Overview, OverviewTotals, TraceRow } from "@/api/types";

/** `provider/model`, as the API's `model` column has it. */
export function modelOf(row: TraceRow): string {
  return `${row.provider}/${row.served_model}`;
}

export function holds(row: TraceRow, column: string, operator: string, value: string): boolean {
  const own =
    column === "model"
      ? modelOf(row)
      : column.startsWith("usage_")
        ? row.usage[column.slice("usage_".length) as keyof TraceRow["usage"]]
        : row[column as keyof TraceRow];
  const text = own === null || own === undefined ? null : String(own);
  const number = Number(own);
  const tests: Record<string, () => boolean> = {
    eq: () => text === value,
    ne: () => text !== value,
    in: () => text !== null && value.split(",").includes(text),
    contains: () => text?.toLowerCase().includes(value.toLowerCase()) ?? false,
    has: () => text !== null,
    missing: () => text === null,
    gt: () => text !== null && number > Number(value),
    gte: () => text !== null && number >= Number(value),
    lt: () => text !== null && number < Number(value),
    lte: () => text !== null && number <= Number(value),
  };
  return tests[operator]?.() ?? true;
}

export function totalsOf(rows: readonly TraceRow[]): OverviewTotals {
  const sum = (of: (row: TraceRow) => number) => rows.reduce((total, row) => total + of(row), 0);
  const quantile = (values: number[], share: number) => {
    const sorted = values.sort((a, b) => a - b);
    return sorted.length
      ? (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null)
      : null;
  };
  const durations = rows.map((row) => row.duration);
  const ttfts = rows.flatMap((row) => (typeof row.ttft === "number" ? [row.ttft] : []));
  const errors = rows.filter((row) => row.status === "error").length;
  const usage = {
    input: sum((row) => row.usage.input),
    cache_read: sum((row) => row.usage.cache_read),
    cache_write: 0,
    output: sum((row) => row.usage.output),
    reasoning: sum((row) => row.usage.reasoning),
    total: sum((row) => row.usage.total),
    estimated: false,
  };
  return {
    calls: rows.length,
    errors,
    error_rate: rows.length ? errors / rows.length : 0,
    p50: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
    p99: quantile(durations, 0.99),
    ttft_p50: quantile(ttfts, 0.5),
    ttft_p95: quantile(ttfts, 0.95),
    usage,
    cost: rows.some((row) => row.cost !== null) || rows.length === 0 ? sum((row) => row.cost ?? 0) : null,
    cost_unknown_calls: rows.filter((row) => row.cost === null).length,
  };
}

export function top(
  rows: readonly TraceRow[],
  name: (row: TraceRow) => string | null,
): Overview["top"]["routes"] {
  const groups = new Map<string, TraceRow[]>();
  for (const row of rows) {
    const key = name(row);
    if (key !== null) groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups]
    .map(([key, own]) => {
      const totals = totalsOf(own);
      return {
        name: key,
        id: key,
        calls: totals.calls,
        errors: totals.errors,
        cost: totals.cost,
        tokens: totals.usage.total,
        p95: totals.p95,
      };
    })
    .sort((a, b) => b.calls - a.calls);
}
