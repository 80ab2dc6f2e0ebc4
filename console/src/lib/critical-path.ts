/** Which spans the length of a trace is made of. */

import type { TreeSpan } from "./span-tree";

/** Microseconds that a span holds the end of the trace back by itself, by its id. */
export type CriticalPath = ReadonlyMap<string, number>;

/**
 * Walks back from the last end: of the spans below one, that which ends last is what was waited for; before
 * its start, the one that ends last before that, and so on. What no child covers is the span's own.
 * A span whose parent is not in the trace is a root; of several the one that ends last counts.
 */
export function criticalPath(spans: readonly TreeSpan[]): CriticalPath {
  const { root, children } = familyOf(spans);
  const path = new Map<string, number>();
  const stack = root ? [{ span: root, since: root.started, until: endOf(root) }] : [];
  for (let next = stack.pop(); next; next = stack.pop()) {
    // A cycle of parents would walk for ever.
    if (path.has(next.span.span_id)) continue;
    const { own, waited } = walkBack(next, children.get(next.span.span_id) ?? []);
    path.set(next.span.span_id, own);
    stack.push(...waited);
  }
  return path;
}

interface Waited {
  span: TreeSpan;
  /** It was waited for in this part of its time only. */
  since: number;
  until: number;
}

/** The time of a span that is its own, and the children that were waited for. */
function walkBack(
  { span, since, until }: Waited,
  below: readonly TreeSpan[],
): { own: number; waited: Waited[] } {
  const waited: Waited[] = [];
  let at = Math.min(until, endOf(span));
  let own = 0;
  for (const child of [...below].sort((a, b) => endOf(b) - endOf(a))) {
    const end = Math.min(at, endOf(child));
    if (at <= since || end <= since) break;
    if (child.started >= at) continue;
    own += at - end;
    at = Math.max(since, child.started);
    waited.push({ span: child, since: at, until: end });
  }
  return { own: own + Math.max(0, at - since), waited };
}

function familyOf(spans: readonly TreeSpan[]) {
  const known = new Set(spans.map((span) => span.span_id));
  const children = new Map<string, TreeSpan[]>();
  let root: TreeSpan | undefined;
  for (const span of spans) {
    const parent = span.parent_id;
    if (parent && parent !== span.span_id && known.has(parent)) {
      const siblings = children.get(parent);
      if (siblings) siblings.push(span);
      else children.set(parent, [span]);
    } else if (!root || endOf(span) > endOf(root)) root = span;
  }
  return { root, children };
}

function endOf(span: TreeSpan): number {
  return span.started + span.duration;
}
