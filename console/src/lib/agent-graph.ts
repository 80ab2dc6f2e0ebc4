/** Who called whom in a trace: agents, tools and models by name, with how often, how long and what it cost. */

import type { TreeSpan } from "./span-tree";

export interface GraphSpan extends TreeSpan {
  name: string;
  kind: string;
  status: string;
  covered?: boolean;
  served_model?: string | null;
  requested_model?: string | null;
  cost?: number | null;
}

export interface GraphNode {
  id: string;
  kind: string;
  label: string;
  count: number;
  errors: number;
  /** Microseconds, summed: of spans beside each other it is more than passed. */
  duration: number;
  /** Nano-dollars of what is known; null when nothing is. */
  cost: number | null;
  /** Ids of its spans, in the order they came. */
  spans: string[];
}

export interface GraphEdge {
  from: string;
  to: string;
  count: number;
}

export interface AgentGraph {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

const MODELS = new Set(["llm", "embedding", "reranker"]);
const ALWAYS = new Set([...MODELS, "agent", "tool", "retriever", "guardrail", "evaluator"]);

/**
 * Nodes of one kind and name are one node; an edge leads from the nearest span above that has a node. Steps in
 * between (`chain`) count only when asked for, or when they are a root. A model call that a span below it
 * tells of is left out: the one below stands for it.
 */
export function agentGraph(spans: readonly GraphSpan[], withChains = false): AgentGraph {
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  for (const span of spans) {
    if (!hasNode(span, byId, withChains)) continue;
    const id = nodeId(span);
    const node = nodes.get(id) ?? newNode(span, id);
    nodes.set(id, node);
    node.count += 1;
    node.errors += span.status === "ok" ? 0 : 1;
    node.duration += span.duration;
    if (span.cost !== null && span.cost !== undefined) node.cost = (node.cost ?? 0) + span.cost;
    node.spans.push(span.span_id);
    const above = nearest(span, byId, withChains);
    if (!above) continue;
    const from = nodeId(above);
    const key = `${from}\n${id}`;
    const edge = edges.get(key) ?? { from, to: id, count: 0 };
    edge.count += 1;
    edges.set(key, edge);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function nearest(span: GraphSpan, byId: ReadonlyMap<string, GraphSpan>, withChains: boolean) {
  const seen = new Set([span.span_id]);
  let above = byId.get(span.parent_id ?? "");
  while (above && !seen.has(above.span_id)) {
    if (hasNode(above, byId, withChains)) return above;
    seen.add(above.span_id);
    above = byId.get(above.parent_id ?? "");
  }
  return undefined;
}

function hasNode(span: GraphSpan, byId: ReadonlyMap<string, GraphSpan>, withChains: boolean): boolean {
  if (span.covered) return false;
  if (ALWAYS.has(span.kind)) return true;
  return span.kind === "chain" && (withChains || !byId.has(span.parent_id ?? ""));
}

function nodeId(span: GraphSpan): string {
  return `${span.kind}:${labelOf(span)}`;
}

function labelOf(span: GraphSpan): string {
  if (!MODELS.has(span.kind)) return span.name;
  return span.served_model ?? span.requested_model ?? span.name;
}

function newNode(span: GraphSpan, id: string): GraphNode {
  return {
    id,
    kind: span.kind,
    label: labelOf(span),
    count: 0,
    errors: 0,
    duration: 0,
    cost: null,
    spans: [],
  };
}
