import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import type { SpanRecord } from "@/api/types";
import { formatCompact, formatDuration, formatMoneyShort } from "@/lib/format";
import type { DiffRow } from "@/lib/trace-diff";
import { tokensOf } from "../detail/thread-view";
import classes from "./compare.module.css";
import { Delta } from "./delta";

const ROW = 30;
const DEEPEST_INDENT = 8;

interface CompareRowsProps {
  rows: readonly DiffRow<SpanRecord>[];
  at: number;
  onSelect: (index: number) => void;
}

/** Both trees in one: what stands on one side only is marked. */
export function CompareRows({ rows, at, onSelect }: CompareRowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 12,
    initialRect: { width: 600, height: 600 },
  });
  useEffect(() => virtual.scrollToIndex(at, { align: "auto" }), [at, virtual]);
  return (
    <section className={`card ${classes.rows}`} aria-label="Spans of both">
      <div className={classes.rowsHead}>
        <span>Span</span>
        <span>A</span>
        <span>B</span>
      </div>
      <div ref={box} className={classes.scroll} role="tree" aria-label="Spans of both">
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            const span = row?.left ?? row?.right;
            if (!row || !span) return null;
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the page's j and k move the selection.
              <div
                key={item.index}
                role="treeitem"
                aria-level={row.depth + 1}
                aria-selected={item.index === at}
                className={classes.row}
                data-only={row.left ? (row.right ? undefined : "a") : "b"}
                style={{ transform: `translateY(${item.start}px)`, height: ROW }}
                onClick={() => onSelect(item.index)}
              >
                <span
                  className="cut"
                  style={{ paddingLeft: Math.min(row.depth, DEEPEST_INDENT) * 14 }}
                  title={`${span.kind}: ${span.name}`}
                >
                  {span.name} <span className="faint">{span.kind}</span>
                </span>
                <Side span={row.left} />
                <Side span={row.right} than={row.left} />
              </div>
            );
          })}
        </div>
      </div>
    </section>
  );
}

function Side({ span, than }: { span: SpanRecord | null; than?: SpanRecord | null }) {
  if (!span) return <span className={classes.absent}>not there</span>;
  const tokens = tokensOf(span);
  return (
    <span className={classes.side}>
      {span.status !== "ok" && <b className="bad">{span.status} </b>}
      {formatDuration(span.duration)}
      <Delta value={span.duration} than={than?.duration} />
      {tokens > 0 && <span className="dim">{formatCompact(tokens)} t</span>}
      {typeof span.cost === "number" && span.cost > 0 && (
        <span className="dim">{formatMoneyShort(span.cost)}</span>
      )}
    </span>
  );
}
