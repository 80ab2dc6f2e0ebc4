/** Two traces beside each other: which span of one stands for which of the other. */

export interface DiffSpan {
  span_id: string;
  parent_id?: string | null;
  name: string;
  kind: string;
  started: number;
}

export interface DiffRow<Span extends DiffSpan> {
  depth: number;
  left: Span | null;
  right: Span | null;
}

type Children<Span> = Map<string | null, Span[]>;

/**
 * Spans are paired below pairs: the first of a kind and name with the first of the same, the second with the
 * second. Roots are paired whatever they are called. Rows come in the left trace's order; what only the right
 * one has stands where it stands there, after the pair before it.
 */
export function diffTraces<Span extends DiffSpan>(
  left: readonly Span[],
  right: readonly Span[],
): DiffRow<Span>[] {
  const leftChildren = childrenOf(left);
  const rightChildren = childrenOf(right);
  const below = (row: DiffRow<Span>) =>
    pair(childrenUnder(leftChildren, row.left), childrenUnder(rightChildren, row.right), row.depth + 1);
  const rows: DiffRow<Span>[] = [];
  // No span is below two others; a cycle of parents hangs on no root and is never reached.
  const stack = pairRoots(leftChildren.get(null) ?? [], rightChildren.get(null) ?? []).reverse();
  for (let row = stack.pop(); row; row = stack.pop()) {
    rows.push(row);
    stack.push(...below(row).reverse());
  }
  return rows;
}

function childrenUnder<Span extends DiffSpan>(children: Children<Span>, span: Span | null): Span[] {
  return span ? (children.get(span.span_id) ?? []) : [];
}

function childrenOf<Span extends DiffSpan>(spans: readonly Span[]): Children<Span> {
  const known = new Set(spans.map((span) => span.span_id));
  const children: Children<Span> = new Map();
  for (const span of spans) {
    const own = span.parent_id && span.parent_id !== span.span_id && known.has(span.parent_id);
    const parent = own ? (span.parent_id ?? null) : null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(span);
    else children.set(parent, [span]);
  }
  for (const siblings of children.values()) siblings.sort((a, b) => a.started - b.started);
  return children;
}

function pairRoots<Span extends DiffSpan>(left: Span[], right: Span[]): DiffRow<Span>[] {
  const [one] = left;
  const [other] = right;
  const rows = pair(left, right, 0);
  if (!one || !other || rows.some((row) => row.left && row.right)) return rows;
  return [{ depth: 0, left: one, right: other }, ...pair(left.slice(1), right.slice(1), 0)];
}

function pair<Span extends DiffSpan>(left: Span[], right: Span[], depth: number): DiffRow<Span>[] {
  const waiting = new Map<string, Span[]>();
  for (const span of right) {
    const same = waiting.get(keyOf(span));
    if (same) same.push(span);
    else waiting.set(keyOf(span), [span]);
  }
  const partners = new Map<Span, Span>();
  for (const span of left) {
    const partner = waiting.get(keyOf(span))?.shift();
    if (partner) partners.set(span, partner);
  }
  const taken = new Set(partners.values());
  const places = new Map(right.map((span, index) => [span, index]));
  const rows: DiffRow<Span>[] = [];
  let at = 0;
  const takeRightUntil = (end: number) => {
    for (; at < end; at += 1) {
      const span = right[at];
      if (span && !taken.has(span)) rows.push({ depth, left: null, right: span });
    }
  };
  for (const span of left) {
    const partner = partners.get(span) ?? null;
    if (partner) takeRightUntil(places.get(partner) ?? 0);
    rows.push({ depth, left: span, right: partner });
  }
  takeRightUntil(right.length);
  return rows;
}

function keyOf(span: DiffSpan): string {
  return `${span.kind} ${span.name}`;
}
