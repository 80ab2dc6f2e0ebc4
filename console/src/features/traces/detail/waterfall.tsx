/** The spans of a trace: their tree, and when each ran. Virtualised, for traces of thousands of spans. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import type { SpanRecord } from "@/api/types";
import { Icon } from "@/components/icons";
import { formatDuration } from "@/lib/format";
import { barOf, extentOf, type TreeRow } from "@/lib/span-tree";
import classes from "./detail.module.css";

const ROW = 30;
/** Past this depth the indent stops growing, or the names would have no room. */
const DEEPEST_INDENT = 8;

interface WaterfallProps {
  rows: TreeRow<SpanRecord>[];
  spans: readonly SpanRecord[];
  selected: string | undefined;
  collapsed: ReadonlySet<string>;
  onSelect: (id: string) => void;
  onToggle: (id: string) => void;
}

export function Waterfall({ rows, spans, selected, collapsed, onSelect, onToggle }: WaterfallProps) {
  const box = useRef<HTMLDivElement>(null);
  const extent = useMemo(() => extentOf(spans), [spans]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 10,
    initialRect: { width: 400, height: 600 },
  });
  const at = rows.findIndex((row) => row.span.span_id === selected);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);
  return (
    <section className={`card ${classes.waterfall}`} aria-label="Spans">
      <div className={classes.axis}>
        <span>
          {spans.length} {spans.length === 1 ? "span" : "spans"}
        </span>
        <span>0</span>
        <span>{formatDuration((extent.to - extent.from) / 2)}</span>
        <span>{formatDuration(extent.to - extent.from)}</span>
      </div>
      <div ref={box} className={classes.spans} role="tree" aria-label="Spans">
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            return (
              <SpanRow
                key={row.span.span_id}
                row={row}
                top={item.start}
                extent={extent}
                selected={row.span.span_id === selected}
                folded={collapsed.has(row.span.span_id)}
                onSelect={onSelect}
                onToggle={onToggle}
              />
            );
          })}
        </div>
      </div>
    </section>
  );
}

interface SpanRowProps {
  row: TreeRow<SpanRecord>;
  top: number;
  extent: { from: number; to: number };
  selected: boolean;
  folded: boolean;
  onSelect: (id: string) => void;
  onToggle: (id: string) => void;
}

function SpanRow({ row, top, extent, selected, folded, onSelect, onToggle }: SpanRowProps) {
  const { span, depth, children } = row;
  const bar = barOf(span, extent);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page's j and k move the selection.
    <div
      className={classes.span}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={selected}
      aria-expanded={children ? !folded : undefined}
      data-selected={selected || undefined}
      style={{ transform: `translateY(${top}px)`, height: ROW }}
      onClick={() => onSelect(span.span_id)}
    >
      <div className={classes.spanName} style={{ paddingLeft: 6 + Math.min(depth, DEEPEST_INDENT) * 14 }}>
        {children > 0 ? (
          <button
            type="button"
            className={classes.fold}
            aria-label={folded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(span.span_id);
            }}
          >
            <Icon name={folded ? "right" : "down"} size={12} />
          </button>
        ) : (
          <span className={classes.fold} />
        )}
        <span className="cut" title={`${span.kind}: ${span.name}`}>
          {span.name}
        </span>
        <span className={classes.kind}>{span.kind}</span>
      </div>
      <div className={classes.lane}>
        <span
          className={classes.spanBar}
          data-status={span.status}
          data-kind={span.kind}
          style={{ left: `${bar.left * 100}%`, width: `max(2px, ${bar.width * 100}%)` }}
        />
        <span
          className={classes.spanTime}
          data-kind={span.kind}
          data-status={span.status}
          style={labelPlace(bar)}
        >
          {formatDuration(span.duration)}
        </span>
      </div>
    </div>
  );
}

/** Beside the bar where there is room, else inside its end. */
function labelPlace(bar: { left: number; width: number }): React.CSSProperties {
  const end = bar.left + bar.width;
  if (end < 0.72) return { left: `calc(${end * 100}% + 5px)` };
  if (bar.width < 0.2) return { right: `calc(${(1 - bar.left) * 100}% + 5px)` };
  return { right: `calc(${(1 - end) * 100}% + 5px)`, color: "var(--on-bar)" };
}
