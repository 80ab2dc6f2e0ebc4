import { describe, expect, test } from "vitest";
import { criticalPath } from "./critical-path";

function span(id: string, parent: string | null, started: number, duration: number) {
  return { span_id: id, parent_id: parent, started, duration };
}

describe("the critical path", () => {
  test("of one span is the span", () =>
    expect([...criticalPath([span("a", null, 0, 100)])]).toEqual([["a", 100]]));

  test("follows of two beside each other the one that ends last", () => {
    const path = criticalPath([span("a", null, 0, 100), span("b", "a", 10, 40), span("c", "a", 10, 80)]);
    expect(path.get("c")).toBe(80);
    expect(path.get("b")).toBeUndefined();
    expect(path.get("a")).toBe(20);
  });

  test("goes on before a child with the one that ended before it", () => {
    const path = criticalPath([span("a", null, 0, 100), span("b", "a", 0, 50), span("c", "a", 50, 50)]);
    expect([path.get("a"), path.get("b"), path.get("c")]).toEqual([0, 50, 50]);
  });

  test("adds up to the length of the root, whatever the children do", () => {
    const spans = [
      span("a", null, 0, 1000),
      span("b", "a", 100, 500),
      span("c", "a", 300, 900),
      span("d", "c", 250, 100),
      span("e", "c", 900, 50),
      span("f", "gone", 5, 10),
    ];
    const sum = [...criticalPath(spans).values()].reduce((total, own) => total + own, 0);
    expect(sum).toBe(1000);
  });

  test("of spans that are each other's parents ends", () =>
    expect(criticalPath([span("a", "b", 0, 5), span("b", "a", 0, 5)]).size).toBe(0));

  test("of 20,000 spans is found at once", () => {
    const spans = Array.from({ length: 20_000 }, (_, index) =>
      span(`s${index}`, index ? `s${Math.floor((index - 1) / 3)}` : null, index, 40_000 - index),
    );
    expect(criticalPath(spans).size).toBeGreaterThan(0);
  });
});
