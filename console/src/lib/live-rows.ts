/** Joins rows that arrive live with pages that were fetched: no row twice, newest first. */

export interface RowIdentity {
  trace_id: string;
  span_id: string;
  started: number;
}

export function rowKey(row: RowIdentity): string {
  return `${row.trace_id}/${row.span_id}`;
}

/** Newest first by start, then by span id: the order of the API's cursor. */
export function compareRows(one: RowIdentity, other: RowIdentity): number {
  if (one.started !== other.started) return other.started - one.started;
  return one.span_id < other.span_id ? 1 : one.span_id > other.span_id ? -1 : 0;
}

/** All rows once, in order. A row that came twice keeps its later form: it may have been completed since. */
export function mergeRows<Row extends RowIdentity>(live: readonly Row[], fetched: readonly Row[]): Row[] {
  const byKey = new Map<string, Row>();
  for (const row of fetched) byKey.set(rowKey(row), row);
  for (const row of live) byKey.set(rowKey(row), row);
  return [...byKey.values()].sort(compareRows);
}

/** Rows that came live, at most `limit` of them; what falls off is fetched again when one scrolls there. */
export function addLive<Row extends RowIdentity>(
  rows: readonly Row[],
  next: readonly Row[],
  limit: number,
): Row[] {
  return mergeRows(next, rows).slice(0, limit);
}

/** How many of `arrived` are not on the page yet. */
export function countNew(arrived: readonly RowIdentity[], shown: readonly RowIdentity[]): number {
  const keys = new Set(shown.map(rowKey));
  return arrived.filter((row) => !keys.has(rowKey(row))).length;
}
