/** The virtualised list. On a phone each row becomes two lines. */

import { Skeleton } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { type Row, useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useMemo, useRef } from "react";
import type { TraceRow } from "@/api/types";
import { explain } from "@/components/failure";
import { Icon } from "@/components/icons";
import { rowKey } from "@/lib/live-rows";
import { ColumnHead } from "./column-head";
import { columns, features, META, visibleColumns } from "./columns";
import { CompactRow } from "./compact-row";
import type { TracesSearch } from "./search";
import classes from "./traces.module.css";

const ROW = 32;
const COMPACT_ROW = 66;
/** Rows below the window that are left when the next page is asked for. */
const AHEAD = 30;

export interface TraceTableProps {
  rows: TraceRow[];
  loading: boolean;
  search: TracesSearch;
  names: Record<string, string>;
  cursor: string | null;
  waiting: number;
  hasMore: boolean;
  loadingMore: boolean;
  moreError: Error | null;
  onMore: () => void;
  onShowNew: () => void;
  onScrolled: (scrolled: boolean) => void;
  onChange: (next: TracesSearch) => void;
  onOpen: (traceId: string, spanId: string) => void;
  empty: ReactNode;
}

type TableRow = Row<typeof features, TraceRow>;

export function TraceTable(props: TraceTableProps) {
  const { rows, cursor, hasMore, loadingMore, moreError, onMore, onOpen, onScrolled } = props;
  const compact = useMediaQuery("(max-width: 760px)") ?? false;
  const wide = useMediaQuery("(min-width: 1640px)") ?? false;
  const box = useRef<HTMLDivElement>(null);
  const table = useTable({ features, columns, data: rows, getRowId: rowKey });
  const tableRows = table.getRowModel().rows;
  const shown = useMemo(() => visibleColumns(props.search.cols, wide), [props.search.cols, wide]);
  const layout = useMemo(() => layoutOf(shown), [shown]);
  const virtual = useVirtualizer({
    count: tableRows.length,
    getScrollElement: () => box.current,
    estimateSize: () => (compact ? COMPACT_ROW : ROW),
    getItemKey: (index) => tableRows[index]?.id ?? index,
    overscan: 12,
    initialRect: { width: 1000, height: 700 },
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: measured anew when the row height changes.
  useEffect(() => virtual.measure(), [compact]);

  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && !loadingMore && !moreError && last >= rows.length - AHEAD) onMore();
  }, [hasMore, loadingMore, moreError, last, rows.length, onMore]);

  const at = cursor ? rows.findIndex((row) => row.span_id === cursor) : -1;
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);

  const showNew = () => {
    props.onShowNew();
    if (box.current) box.current.scrollTop = 0;
  };

  return (
    <div className={`card ${classes.table}`}>
      {props.waiting > 0 && (
        <button type="button" className={classes.pill} onClick={showNew}>
          <Icon name="up" size={12} /> {props.waiting} new
        </button>
      )}
      <div
        ref={box}
        className={classes.scroll}
        role="table"
        aria-label="Calls"
        aria-rowcount={rows.length}
        aria-busy={props.loading}
        onScroll={(event) => onScrolled(event.currentTarget.scrollTop > 4)}
      >
        {!compact && (
          <div className={classes.head} role="row" style={layout}>
            {shown.map((id) => (
              <ColumnHead
                key={id}
                id={id}
                search={props.search}
                names={props.names}
                onChange={props.onChange}
              />
            ))}
          </div>
        )}
        {props.loading && <LoadingRows />}
        {!props.loading && rows.length === 0 && !hasMore && props.empty}
        <div
          style={{
            height: virtual.getTotalSize(),
            position: "relative",
            minWidth: compact ? 0 : layout.minWidth,
          }}
        >
          {items.map((item) => {
            const row = tableRows[item.index];
            if (!row) return null;
            const selected = row.original.span_id === cursor;
            const place = { transform: `translateY(${item.start}px)`, height: item.size };
            const openRow = () => onOpen(row.original.trace_id, row.original.span_id);
            return compact ? (
              <CompactRow
                key={row.id}
                row={row.original}
                style={place}
                selected={selected}
                onOpen={openRow}
              />
            ) : (
              <WideRow
                key={row.id}
                row={row}
                shown={shown}
                style={{ ...layout, ...place }}
                selected={selected}
                onOpen={openRow}
              />
            );
          })}
        </div>
        {moreError && (
          <button type="button" className={classes.more} onClick={onMore}>
            {explain(moreError).title} Try again
          </button>
        )}
        {hasMore && !moreError && (
          <div className={classes.end} role="status">
            {props.search.q ? "Searching older calls…" : "Loading older calls…"}
          </div>
        )}
        {rows.length > 0 && !hasMore && <div className={classes.end}>No older calls in this time range.</div>}
      </div>
    </div>
  );
}

interface WideRowProps {
  row: TableRow;
  shown: string[];
  style: React.CSSProperties;
  selected: boolean;
  onOpen: () => void;
}

function WideRow({ row, shown, style, selected, onOpen }: WideRowProps) {
  const cells = new Map(row.getAllCells().map((cell) => [cell.column.id, cell]));
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page's j, k and Enter move and open; each row is not a tab stop.
    <div
      className={classes.row}
      role="row"
      style={style}
      data-selected={selected || undefined}
      onClick={onOpen}
    >
      {shown.map((id) => {
        const cell = cells.get(id);
        const render = cell?.column.columnDef.cell;
        return (
          <div key={id} role="cell" className={META[id]?.numeric ? classes.numeric : classes.cell}>
            {cell && typeof render === "function" ? render(cell.getContext()) : null}
          </div>
        );
      })}
    </div>
  );
}

/** Fixed widths, and the last column takes the rest. */
export function layoutOf(shown: readonly string[]): { gridTemplateColumns: string; minWidth: number } {
  const widths = shown.map((id) => META[id]?.width ?? 100);
  const tracks = widths.map((width, index) =>
    index === widths.length - 1 ? `minmax(${width}px, 1fr)` : `${width}px`,
  );
  return { gridTemplateColumns: tracks.join(" "), minWidth: widths.reduce((sum, width) => sum + width, 0) };
}

function LoadingRows() {
  return (
    <div role="status" aria-label="Loading calls" className={classes.loading}>
      {Array.from({ length: 16 }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: placeholders have no identity.
        <Skeleton key={index} height={12} width={`${96 - ((index * 13) % 30)}%`} />
      ))}
    </div>
  );
}
