/** The spans of a trace: their tree, and when each ran. Virtualised, for traces of 20,000 spans. */

import { ActionIcon, Tooltip } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef } from "react";
import type { SpanRecord } from "@/api/types";
import { Icon } from "@/components/icons";
import { criticalPath } from "@/lib/critical-path";
import { formatCount } from "@/lib/format";
import { extentOf, type TreeRow } from "@/lib/span-tree";
import { clampExtent, type Extent, isWhole } from "@/lib/zoom";
import { ROW, SpanRow } from "./span-row";
import { TimeAxis } from "./time-axis";
import classes from "./waterfall.module.css";

interface WaterfallProps {
  rows: TreeRow<SpanRecord>[];
  spans: readonly SpanRecord[];
  selected: string | undefined;
  collapsed: ReadonlySet<string>;
  /** Ids that a search found; null without one. */
  hits: ReadonlySet<string> | null;
  find: string;
  onFind: (text: string) => void;
  /** What is looked at; null for the whole. */
  zoom: Extent | null;
  onZoom: (extent: Extent | null) => void;
  critical: boolean;
  onCritical: (on: boolean) => void;
  onSelect: (id: string) => void;
  onToggle: (id: string) => void;
}

export function Waterfall(props: WaterfallProps) {
  const { rows, spans, selected, collapsed, hits, onSelect, onToggle } = props;
  const box = useRef<HTMLDivElement>(null);
  const whole = useMemo(() => extentOf(spans), [spans]);
  const extent = props.zoom ?? whole;
  const path = useMemo(() => (props.critical ? criticalPath(spans) : null), [props.critical, spans]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 10,
    initialRect: { width: 400, height: 600 },
  });
  const at = useMemo(() => rows.findIndex((row) => row.span.span_id === selected), [rows, selected]);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
  }, [at, virtual]);
  const zoomTo = (next: Extent) => {
    const clamped = clampExtent(next, whole);
    props.onZoom(isWhole(clamped, whole) ? null : clamped);
  };
  return (
    <section className={`card ${classes.waterfall}`} aria-label="Spans">
      <div className={classes.axis}>
        <div className={classes.axisHead}>
          <span className={classes.spanCount}>
            {hits ? `${formatCount(hits.size)} of ` : ""}
            {formatCount(spans.length)} {spans.length === 1 ? "span" : "spans"}
          </span>
          {spans.length > 1 && <Tools {...props} zoomed={props.zoom !== null} />}
        </div>
        <TimeAxis extent={extent} start={whole.from} onZoom={zoomTo} />
      </div>
      <div ref={box} className={classes.spans} role="tree" aria-label="Spans">
        <div style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            if (!row) return null;
            const id = row.span.span_id;
            return (
              <SpanRow
                key={id}
                row={row}
                top={item.start}
                extent={extent}
                selected={id === selected}
                folded={collapsed.has(id)}
                hit={hits === null || hits.has(id)}
                critical={path && (path.get(id) ?? 0) / Math.max(1, row.span.duration)}
                onSelect={onSelect}
                onToggle={onToggle}
              />
            );
          })}
        </div>
        {rows.length === 0 && <p className={classes.nothing}>No span is called that.</p>}
      </div>
    </section>
  );
}

function Tools(props: WaterfallProps & { zoomed: boolean }) {
  return (
    <>
      <input
        data-page-search
        className={classes.find}
        aria-label="Find a span"
        placeholder="Find a span  /"
        value={props.find}
        onChange={(event) => props.onFind(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          if (props.find) props.onFind("");
          else event.currentTarget.blur();
        }}
      />
      <Tooltip label={props.critical ? "All spans (c)" : "What its length is made of (c)"}>
        <ActionIcon
          variant={props.critical ? "light" : "subtle"}
          color={props.critical ? undefined : "gray"}
          size="sm"
          aria-label="Critical path"
          aria-pressed={props.critical}
          onClick={() => props.onCritical(!props.critical)}
        >
          <Icon name="path" size={14} />
        </ActionIcon>
      </Tooltip>
      {props.zoomed && (
        <Tooltip label="The whole trace (0)">
          <ActionIcon
            variant="light"
            size="sm"
            aria-label="Show the whole time"
            onClick={() => props.onZoom(null)}
          >
            <Icon name="zoom-out" size={14} />
          </ActionIcon>
        </Tooltip>
      )}
    </>
  );
}
