/** A long list: virtual rows under a head that sorts. On a phone each row is what `compact` draws. */

import { Checkbox, Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type ReactNode, useEffect, useMemo, useRef } from "react";
import { explain } from "@/components/failure";
import { Icon } from "@/components/icons";
import { layoutOf, nextSort, type RowColumn, readSort } from "./columns";
import classes from "./rows.module.css";

const ROW = 32;
const SELECT_WIDTH = 30;
/** Rows below the window that are left when the next page is asked for. */
const AHEAD = 30;

export interface Selection {
  has: (key: string) => boolean;
  /** `range`: all from the row that was chosen before. */
  toggle: (key: string, range: boolean) => void;
}

export interface RowsTableProps<Row> {
  /** What it lists, for who cannot see it. */
  label: string;
  rows: readonly Row[];
  columns: readonly RowColumn<Row>[];
  keyOf: (row: Row) => string;
  onOpen: (row: Row) => void;
  compact: (row: Row) => ReactNode;
  compactHeight: number;
  empty: ReactNode;
  loading?: boolean;
  /** Key of the row under the keyboard's cursor. */
  cursor?: string | null;
  sort?: string;
  onSort?: (sort: string | undefined) => void;
  selection?: Selection;
  more?: More;
  onScrolled?: (scrolled: boolean) => void;
  /** Over the first rows. */
  pill?: ReactNode;
}

export interface More {
  has: boolean;
  loading: boolean;
  error: Error | null;
  load: () => void;
  /** While more is loaded, and when there is no more. */
  words: { loading: string; end: string };
}

export function RowsTable<Row>(props: RowsTableProps<Row>) {
  const { rows, columns, keyOf, cursor, more, selection } = props;
  const compact = useMediaQuery("(max-width: 760px)") ?? false;
  const box = useRef<HTMLDivElement>(null);
  const layout = useMemo(() => layoutOf(columns, selection ? SELECT_WIDTH : 0), [columns, selection]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => (compact ? props.compactHeight : ROW),
    getItemKey: (index) => {
      const row = rows[index];
      return row ? keyOf(row) : index;
    },
    overscan: 12,
    initialRect: { width: 1000, height: 700 },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew when the row height changes.
  useEffect(() => virtual.measure(), [compact]);

  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const wanting = more?.has && !more.loading && !more.error && last >= rows.length - AHEAD;
  const load = more?.load;
  useEffect(() => {
    if (wanting) load?.();
  }, [wanting, load]);

  const at = cursor ? rows.findIndex((row) => keyOf(row) === cursor) : -1;
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);

  return (
    <div className={`card ${classes.table}`}>
      {props.pill}
      <div
        ref={box}
        className={classes.scroll}
        role="table"
        aria-label={props.label}
        aria-rowcount={rows.length}
        aria-busy={props.loading}
        onScroll={(event) => props.onScrolled?.(event.currentTarget.scrollTop > 4)}
      >
        {!compact && (
          <div className={classes.head} role="row" style={layout}>
            {selection && <div role="columnheader" aria-label="Selected" className={classes.cell} />}
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={props.sort ?? ""} onSort={props.onSort} />
            ))}
          </div>
        )}
        {props.loading && <LoadingRows label={`Loading ${props.label.toLowerCase()}`} />}
        {!props.loading && rows.length === 0 && !more?.has && props.empty}
        <div
          style={{
            height: virtual.getTotalSize(),
            position: "relative",
            minWidth: compact ? 0 : layout.minWidth,
          }}
        >
          {items.map((item) => {
            const row = rows[item.index];
            if (row === undefined) return null;
            const key = keyOf(row);
            const place = { transform: `translateY(${item.start}px)`, height: item.size };
            return compact ? (
              <button
                key={key}
                type="button"
                className={classes.compact}
                style={place}
                data-selected={key === cursor || undefined}
                onClick={() => props.onOpen(row)}
              >
                {props.compact(row)}
              </button>
            ) : (
              <WideRow
                key={key}
                id={key}
                row={row}
                columns={columns}
                style={{ ...layout, ...place }}
                selected={key === cursor}
                selection={selection}
                onOpen={props.onOpen}
              />
            );
          })}
        </div>
        {more && <End more={more} any={rows.length > 0} />}
      </div>
    </div>
  );
}

interface HeadProps<Row> {
  column: RowColumn<Row>;
  sort: string;
  onSort: ((sort: string | undefined) => void) | undefined;
}

function Head<Row>({ column, sort, onSort }: HeadProps<Row>) {
  const className = column.numeric ? classes.numeric : classes.cell;
  const text = column.head?.() ?? column.label;
  const name = column.sort;
  if (!name || !onSort)
    return (
      <div role="columnheader" className={className}>
        {text}
      </div>
    );
  const current = readSort(sort);
  const active = current.column === name;
  return (
    <div
      role="columnheader"
      className={className}
      aria-sort={active ? (current.descending ? "descending" : "ascending") : "none"}
    >
      <button
        type="button"
        className={classes.headButton}
        data-active={active || undefined}
        title={`Sort by ${column.label.toLowerCase()}`}
        onClick={() => onSort(nextSort(sort, name))}
      >
        {text} <Icon name={active && !current.descending ? "up" : "down"} size={12} />
      </button>
    </div>
  );
}

interface WideRowProps<Row> {
  id: string;
  row: Row;
  columns: readonly RowColumn<Row>[];
  style: CSSProperties;
  selected: boolean;
  selection: Selection | undefined;
  onOpen: (row: Row) => void;
}

function WideRow<Row>({ id, row, columns, style, selected, selection, onOpen }: WideRowProps<Row>) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page's j, k and Enter move and open; each row is not a tab stop.
    <div
      className={classes.row}
      role="row"
      style={style}
      data-selected={selected || undefined}
      onClick={() => onOpen(row)}
    >
      {selection && (
        <div role="cell" className={classes.select}>
          <Checkbox
            size="xs"
            tabIndex={-1}
            aria-label="Select the row"
            checked={selection.has(id)}
            onClick={(event) => {
              event.stopPropagation();
              selection.toggle(id, event.shiftKey);
            }}
            readOnly
          />
        </div>
      )}
      {columns.map((column) => (
        <div key={column.id} role="cell" className={column.numeric ? classes.numeric : classes.cell}>
          {column.cell(row)}
        </div>
      ))}
    </div>
  );
}

function End({ more, any }: { more: More; any: boolean }) {
  if (more.error)
    return (
      <button type="button" className={classes.more} onClick={more.load}>
        {explain(more.error).title} Try again
      </button>
    );
  if (more.has)
    return (
      <div className={classes.end} role="status">
        {more.words.loading}
      </div>
    );
  return any ? <div className={classes.end}>{more.words.end}</div> : null;
}

function LoadingRows({ label }: { label: string }) {
  return (
    <div role="status" aria-label={label} className={classes.loading}>
      {Array.from({ length: 16 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity.
        <Skeleton key={index} height={12} width={`${96 - ((index * 13) % 30)}%`} />
      ))}
    </div>
  );
}
