/** Spans of a trace as the rows of a waterfall. */

export interface TreeSpan {
  span_id: string;
  parent_id?: string | null;
  started: number;
  duration: number;
}

export interface TreeRow<Span extends TreeSpan> {
  span: Span;
  depth: number;
  children: number;
}

/**
 * Depth-first, siblings by start. A span whose parent is not in the trace is a root (its parent may
 * lie in the caller's own store); a cycle of parents is cut where it is met.
 */
export function flattenTree<Span extends TreeSpan>(
  spans: readonly Span[],
  collapsed: ReadonlySet<string> = new Set(),
): TreeRow<Span>[] {
  const known = new Set(spans.map((span) => span.span_id));
  const children = new Map<string | null, Span[]>();
  for (const span of spans) {
    const parent =
      span.parent_id && span.parent_id !== span.span_id && known.has(span.parent_id) ? span.parent_id : null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(span);
    else children.set(parent, [span]);
  }
  for (const siblings of children.values()) siblings.sort((a, b) => a.started - b.started);
  const rows: TreeRow<Span>[] = [];
  const seen = new Set<string>();
  const visit = (start: readonly Span[]) => {
    const stack = start.map((span) => ({ span, depth: 0 })).reverse();
    for (let next = stack.pop(); next; next = stack.pop()) {
      const { span, depth } = next;
      if (seen.has(span.span_id)) continue;
      seen.add(span.span_id);
      const below = children.get(span.span_id) ?? [];
      rows.push({ span, depth, children: below.length });
      if (collapsed.has(span.span_id)) continue;
      for (const child of [...below].reverse()) stack.push({ span: child, depth: depth + 1 });
    }
  };
  visit(children.get(null) ?? []);
  if (rows.length === 0) visit(spans.slice(0, 1));
  return rows;
}

/** Where a span's bar lies, as shares of the whole trace. */
export function barOf(span: TreeSpan, window: { from: number; to: number }): { left: number; width: number } {
  const total = Math.max(1, window.to - window.from);
  const left = Math.min(1, Math.max(0, (span.started - window.from) / total));
  return { left, width: Math.min(1 - left, span.duration / total) };
}

/** From the first start to the last end of all spans. */
export function extentOf(spans: readonly TreeSpan[]): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const span of spans) {
    from = Math.min(from, span.started);
    to = Math.max(to, span.started + span.duration);
  }
  return spans.length ? { from, to } : { from: 0, to: 0 };
}
