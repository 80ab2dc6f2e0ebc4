import { describe, expect, test } from "vitest";
import { agentGraph, type GraphSpan } from "./agent-graph";
import { placeGraph } from "./graph-layout";

function span(id: string, parent: string | null, kind: string, name: string, extra: Partial<GraphSpan> = {}) {
  return { span_id: id, parent_id: parent, kind, name, started: 0, duration: 10, status: "ok", ...extra };
}

const TRACE = [
  span("a", null, "agent", "planner"),
  span("b", "a", "chain", "step"),
  span("c", "b", "llm", "chat gpt", { served_model: "gpt", cost: 5, covered: true }),
  span("d", "c", "gateway", "chat fast"),
  span("e", "d", "llm", "attempt 1", { served_model: "gpt", cost: 7, status: "error" }),
  span("f", "d", "llm", "attempt 2", { served_model: "gpt", cost: 9 }),
  span("g", "a", "tool", "search"),
  span("h", "g", "agent", "planner"),
];

describe("the graph of a trace", () => {
  test("joins spans of one kind and name, and looks through what stands between", () => {
    const { nodes, edges } = agentGraph(TRACE);
    expect(nodes.map((node) => [node.id, node.count, node.errors])).toEqual([
      ["agent:planner", 2, 0],
      ["llm:gpt", 2, 1],
      ["tool:search", 1, 0],
    ]);
    expect(edges).toEqual([
      { from: "agent:planner", to: "llm:gpt", count: 2 },
      { from: "agent:planner", to: "tool:search", count: 1 },
      { from: "tool:search", to: "agent:planner", count: 1 },
    ]);
  });

  test("counts a call once that is told of twice", () =>
    expect(agentGraph(TRACE).nodes.find((node) => node.id === "llm:gpt")?.cost).toBe(16));

  test("shows the steps in between when asked", () =>
    expect(agentGraph(TRACE, true).edges).toContainEqual({ from: "chain:step", to: "llm:gpt", count: 2 }));

  test("of spans that are each other's parents ends", () =>
    expect(agentGraph([span("a", "b", "span", "x"), span("b", "a", "tool", "y")]).nodes).toHaveLength(1));

  test("is laid out without overlaps, cycles and loops too", () => {
    const placed = placeGraph(agentGraph([...TRACE, span("i", "h", "agent", "planner")]));
    expect(placed.nodes).toHaveLength(3);
    expect(new Set(placed.nodes.map((node) => `${node.x},${node.y}`)).size).toBe(3);
    for (const edge of placed.edges) expect(edge.path).toMatch(/^M[\d.]+,[\d.]+/);
  });
});
