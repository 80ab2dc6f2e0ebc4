/** The columns of a long list, which of them are shown, and by which it is sorted. */

import type { ReactNode } from "react";

export interface RowColumn<Row> {
  id: string;
  label: string;
  /** Pixels; the last column shown takes what is left. */
  width: number;
  numeric?: boolean;
  /** Only shown when asked for, or where the window is wide. */
  wide?: boolean;
  /** Only shown when asked for. */
  extra?: boolean;
  /** What the API calls it in `sort`. */
  sort?: string;
  /** A head that says more than the label. */
  head?: () => string;
  cell: (row: Row) => ReactNode;
}

/** Which columns to show: those chosen, in their usual order; else the usual ones that fit. */
export function visibleColumns<Row>(
  columns: readonly RowColumn<Row>[],
  chosen: string | null | undefined,
  wide: boolean,
): RowColumn<Row>[] {
  const ids = chosen?.split(",") ?? [];
  const known = columns.filter((column) => ids.includes(column.id));
  if (known.length) return known;
  return columns.filter((column) => !column.extra && (wide || !column.wide));
}

/** Fixed widths, and the last column takes the rest. */
export function layoutOf(
  shown: readonly { width: number }[],
  before = 0,
): { gridTemplateColumns: string; minWidth: number } {
  const tracks = shown.map(({ width }, index) =>
    index === shown.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`,
  );
  if (before) tracks.unshift(`${before}px`);
  return {
    gridTemplateColumns: tracks.join(" "),
    minWidth: shown.reduce((sum, { width }) => sum + width, before),
  };
}

/** `cost`: the least first. `-cost`: the most first. */
export interface Sort {
  column: string;
  descending: boolean;
}

export function readSort(text: string): Sort {
  return text.startsWith("-")
    ? { column: text.slice(1), descending: true }
    : { column: text, descending: false };
}

/** A click on a head: first the most, then the least, then as usual. */
export function nextSort(current: string, column: string): string | undefined {
  if (current === `-${column}`) return column;
  return current === column ? undefined : `-${column}`;
}
