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

/** Where a span's bar lies, as shares of what is shown; null when it lies outside. */
export function barOf(
  span: TreeSpan,
  window: { from: number; to: number },
): { left: number; width: number } | null {
  const total = Math.max(1, window.to - window.from);
  const left = (span.started - window.from) / total;
  const right = (span.started + span.duration - window.from) / total;
  if (right < 0 || left > 1) return null;
  const start = Math.max(0, left);
  return { left: start, width: Math.min(1, right) - start };
}

/** Spans whose name, kind or model holds the text, and all above them, so that the tree stays one. */
export function findInTree<
  Span extends TreeSpan & { name: string; kind: string; served_model?: string | null },
>(spans: readonly Span[], text: string): { shown: Set<string>; hits: Set<string> } | null {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return null;
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  const shown = new Set<string>();
  const hits = new Set<string>();
  for (const span of spans) {
    if (!`${span.name} ${span.kind} ${span.served_model ?? ""}`.toLowerCase().includes(wanted)) continue;
    hits.add(span.span_id);
    let above: Span | undefined = span;
    while (above && !shown.has(above.span_id)) {
      shown.add(above.span_id);
      above = above.parent_id ? byId.get(above.parent_id) : undefined;
    }
  }
  return { shown, hits };
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

/** The span under which others lie: the first whose parent is not in the trace. */
export function rootOf<Span extends TreeSpan>(spans: readonly Span[]): Span | undefined {
  const known = new Set(spans.map((span) => span.span_id));
  return spans.find((span) => !span.parent_id || !known.has(span.parent_id)) ?? spans[0];
}

/** The span that stands for a trace: its root, or the call that an application joined from elsewhere. */
export function mainSpan<Span extends TreeSpan & { call: boolean }>(
  spans: readonly Span[],
): Span | undefined {
  const calls = spans.filter((span) => span.call);
  return calls.length === 1 ? calls[0] : rootOf(spans);
}
