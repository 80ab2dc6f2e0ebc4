import { expect, test } from "vitest";
import { spansOfOutline } from "./outline";

const OUTLINE = {
  start: 1_000,
  span_id: ["a", "b", "c"],
  parent: [null, 0, 1],
  started: [0, 5, 7],
  name: ["plan", "ask", "find"],
  kind: ["agent" as const, "llm" as const, "tool" as const],
  service: ["shop"],
  duration: [20, 10, 3],
  cost: [null, 400, null],
};

test("an outline becomes spans: parents by place, starts by distance", () => {
  const spans = spansOfOutline("p", "t", OUTLINE);
  expect(spans.map((span) => span.parent_id)).toEqual([null, "a", "b"]);
  expect(spans.map((span) => span.started)).toEqual([1_000, 1_005, 1_007]);
  expect(spans.map((span) => span.cost)).toEqual([null, 400, null]);
});

test("a value that all share is in each, and one that is left out is the usual one", () => {
  const [span] = spansOfOutline("p", "t", OUTLINE);
  expect(span).toMatchObject({ service: "shop", status: "ok", usage_input: 0, route: null, project: "p" });
});
