/** Where the nodes and edges of an agent graph are drawn: layered from top to bottom, by dagre. */

import { Graph, layout } from "@dagrejs/dagre";
import type { AgentGraph, GraphEdge, GraphNode } from "./agent-graph";

export const NODE_WIDTH = 188;
export const NODE_HEIGHT = 54;

export interface PlacedNode extends GraphNode {
  /** Of its centre. */
  x: number;
  y: number;
}

export interface PlacedEdge extends GraphEdge {
  /** A path of SVG. */
  path: string;
  /** Where the count stands. */
  label: { x: number; y: number };
}

export interface PlacedGraph {
  width: number;
  height: number;
  nodes: PlacedNode[];
  edges: PlacedEdge[];
}

interface Point {
  x: number;
  y: number;
}

export function placeGraph({ nodes, edges }: AgentGraph): PlacedGraph {
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", nodesep: 26, ranksep: 46, marginx: 14, marginy: 14 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) graph.setNode(node.id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  // An edge back to where one came from, or to itself, is drawn as any other.
  for (const edge of edges)
    graph.setEdge(edge.from, edge.to, { width: 26, height: 14, labelpos: "c", count: edge.count });
  layout(graph);
  const size = graph.graph() as { width?: number; height?: number };
  return {
    width: Math.ceil(size.width ?? 0),
    height: Math.ceil(size.height ?? 0),
    nodes: nodes.map((node) => {
      const { x, y } = graph.node(node.id) as Point;
      return { ...node, x, y };
    }),
    edges: edges.map((edge) => {
      const placed = graph.edge(edge.from, edge.to) as { points?: Point[] } & Partial<Point>;
      const points = placed.points ?? [];
      const middle = points[Math.floor(points.length / 2)] ?? { x: 0, y: 0 };
      return { ...edge, path: curve(points), label: { x: placed.x ?? middle.x, y: placed.y ?? middle.y } };
    }),
  };
}

/** A smooth line through the points' middles, from the first to the last. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return "";
  const last = rest.at(-1) ?? first;
  let path = `M${round(first)}`;
  for (let at = 0; at < rest.length - 1; at += 1) {
    const point = rest[at] ?? last;
    const next = rest[at + 1] ?? last;
    path += `Q${round(point)} ${round({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  }
  return `${path}L${round(last)}`;
}

function round({ x, y }: Point): string {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}
