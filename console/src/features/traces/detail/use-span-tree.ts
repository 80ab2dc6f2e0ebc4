/** What of a trace's tree is folded, found, zoomed into; and the keys that do it. */

import { useDeferredValue, useMemo, useState } from "react";
import type { SpanRecord } from "@/api/types";
import { useKeys } from "@/lib/keys";
import { extentOf, findInTree, flattenTree } from "@/lib/span-tree";
import { around, type Extent, isWhole, panBy, zoomBy } from "@/lib/zoom";

const NOTHING_FOLDED: ReadonlySet<string> = new Set();

export function useSpanTree(
  spans: readonly SpanRecord[],
  selected: SpanRecord | undefined,
  onSelect: (id: string) => void,
  onBack: () => void,
) {
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(NOTHING_FOLDED);
  const [find, setFind] = useState("");
  const [zoom, setZoom] = useState<Extent | null>(null);
  const [critical, setCritical] = useState(false);
  const wanted = useDeferredValue(find);
  const found = useMemo(() => findInTree(spans, wanted), [spans, wanted]);
  const rows = useMemo(() => {
    const kept = found ? spans.filter((span) => found.shown.has(span.span_id)) : spans;
    return flattenTree(kept, collapsed);
  }, [spans, found, collapsed]);
  const fold = (id: string, on: boolean) =>
    setCollapsed((before) => {
      const next = new Set(before);
      if (on) next.add(id);
      else next.delete(id);
      return next;
    });
  const at = () => rows.findIndex((row) => row.span.span_id === selected?.span_id);
  const go = (index: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row && row.span.span_id !== selected?.span_id) onSelect(row.span.span_id);
  };
  const move = (step: number) => go(at() + step);
  const look = (change: (extent: Extent, whole: Extent) => Extent) => {
    const whole = extentOf(spans);
    const next = change(zoom ?? whole, whole);
    setZoom(isWhole(next, whole) ? null : next);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    arrowdown: () => move(1),
    arrowup: () => move(-1),
    home: () => go(0),
    end: () => go(rows.length - 1),
    arrowleft: () => {
      if (!selected) return;
      if (rows[at()]?.children && !collapsed.has(selected.span_id)) fold(selected.span_id, true);
      else if (selected.parent_id && spans.some((span) => span.span_id === selected.parent_id))
        onSelect(selected.parent_id);
    },
    arrowright: () => selected && fold(selected.span_id, false),
    "+": () => look((extent, whole) => zoomBy(extent, whole, 0.5, centreOf(selected, extent))),
    "-": () => look((extent, whole) => zoomBy(extent, whole, 2)),
    "[": () => look((extent, whole) => panBy(extent, whole, -0.25)),
    "]": () => look((extent, whole) => panBy(extent, whole, 0.25)),
    z: () => selected && look((_, whole) => around(selected, whole)),
    "0": () => setZoom(null),
    c: () => setCritical(!critical),
    escape: () => {
      if (zoom) setZoom(null);
      else onBack();
    },
  });
  return {
    rows,
    collapsed,
    hits: found?.hits ?? null,
    find,
    onFind: setFind,
    zoom,
    onZoom: setZoom,
    critical,
    onCritical: setCritical,
    onToggle: (id: string) => fold(id, !collapsed.has(id)),
  };
}

/** Where the middle of a span lies in what is shown, 0 to 1; the middle when it lies outside. */
function centreOf(span: SpanRecord | undefined, extent: Extent): number {
  if (!span) return 0.5;
  const share = (span.started + span.duration / 2 - extent.from) / Math.max(1, extent.to - extent.from);
  return share < 0 || share > 1 ? 0.5 : share;
}
