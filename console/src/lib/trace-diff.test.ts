import { describe, expect, test } from "vitest";
import { type DiffSpan, diffTraces } from "./trace-diff";

let clock = 0;
function span(id: string, parent: string | null, name: string): DiffSpan {
  clock += 1;
  return { span_id: id, parent_id: parent, name, kind: "tool", started: clock };
}
const told = (left: DiffSpan[], right: DiffSpan[]) =>
  diffTraces(left, right).map((row) => [row.depth, row.left?.span_id ?? null, row.right?.span_id ?? null]);

describe("two traces", () => {
  test("that are alike are paired span by span", () => {
    const left = [span("a", null, "root"), span("b", "a", "step"), span("c", "b", "leaf")];
    const right = [span("x", null, "root"), span("y", "x", "step"), span("z", "y", "leaf")];
    expect(told(left, right)).toEqual([
      [0, "a", "x"],
      [1, "b", "y"],
      [2, "c", "z"],
    ]);
  });

  test("what one of them has more stands alone, at its place", () => {
    const left = [span("a", null, "root"), span("b", "a", "one"), span("c", "a", "three")];
    const right = [
      span("x", null, "root"),
      span("y", "x", "one"),
      span("w", "x", "two"),
      span("z", "x", "three"),
    ];
    expect(told(left, right)).toEqual([
      [0, "a", "x"],
      [1, "b", "y"],
      [1, null, "w"],
      [1, "c", "z"],
    ]);
  });

  test("the second of a name is paired with the second", () => {
    const left = [span("a", null, "root"), span("b", "a", "try"), span("c", "a", "try")];
    const right = [span("x", null, "root"), span("y", "x", "try")];
    expect(told(left, right)).toEqual([
      [0, "a", "x"],
      [1, "b", "y"],
      [1, "c", null],
    ]);
  });

  test("roots of other names are compared all the same", () =>
    expect(told([span("a", null, "before")], [span("x", null, "after")])).toEqual([[0, "a", "x"]]));

  test("a trace and an empty one", () =>
    expect(told([span("a", null, "root")], [])).toEqual([[0, "a", null]]));
});
