import { describe, expect, test } from "vitest";
import { barOf, extentOf, findInTree, flattenTree } from "./span-tree";

const span = (span_id: string, parent_id: string | null, started: number, duration = 10) => ({
  span_id,
  parent_id,
  started,
  duration,
});
const ids = (rows: { span: { span_id: string }; depth: number }[]) =>
  rows.map((row) => `${row.depth}${row.span.span_id}`);

describe("the tree of a trace", () => {
  test("goes depth first, siblings by their start", () =>
    expect(
      ids(flattenTree([span("c", "a", 30), span("b", "a", 20), span("a", null, 10), span("d", "b", 25)])),
    ).toEqual(["0a", "1b", "2d", "1c"]));

  test("takes a span whose parent is elsewhere as a root", () =>
    expect(ids(flattenTree([span("a", "caller", 10), span("b", "a", 20)]))).toEqual(["0a", "1b"]));

  test("ends for parents that point in a circle, and still shows a row", () => {
    expect(ids(flattenTree([span("a", "b", 10), span("b", "a", 20)]))).toEqual(["0a", "1b"]);
    expect(ids(flattenTree([span("a", "a", 10)]))).toEqual(["0a"]);
  });

  test("hides what is below a folded span, and says how much there is", () => {
    const rows = flattenTree([span("a", null, 10), span("b", "a", 20), span("c", "a", 30)], new Set(["a"]));
    expect(ids(rows)).toEqual(["0a"]);
    expect(rows[0]?.children).toBe(2);
  });

  test("holds ten thousand nested spans without running out of stack", () => {
    const deep = Array.from({ length: 10_000 }, (_, at) => span(`s${at}`, at ? `s${at - 1}` : null, at));
    expect(flattenTree(deep).at(-1)?.depth).toBe(9_999);
  });
});

test("bars lie inside what is shown, whatever clocks say", () => {
  const spans = [span("a", null, 100, 100), span("b", "a", 150, 500), span("c", "a", 120, 0)];
  const extent = extentOf(spans);
  expect(extent).toEqual({ from: 100, to: 650 });
  for (const one of [...spans, span("x", null, 0, 5_000)]) {
    const bar = barOf(one, extent);
    expect(bar?.left).toBeGreaterThanOrEqual(0);
    expect((bar?.left ?? 0) + (bar?.width ?? 0)).toBeLessThanOrEqual(1 + 1e-9);
  }
  expect(barOf(span("y", null, 700, 10), extent)).toBeNull();
  expect(barOf(span("y", null, 10, 10), extent)).toBeNull();
  expect(extentOf([])).toEqual({ from: 0, to: 0 });
});

describe("looking for a span", () => {
  const named = (id: string, parent: string | null, name: string, kind = "span") => ({
    ...span(id, parent, 0),
    name,
    kind,
  });
  const spans = [named("a", null, "root"), named("b", "a", "search docs", "tool"), named("c", "a", "answer")];

  test("keeps all above what it finds", () => {
    const found = findInTree(spans, "DOCS");
    expect([...(found?.hits ?? [])]).toEqual(["b"]);
    expect([...(found?.shown ?? [])]).toEqual(["b", "a"]);
  });

  test("finds kinds too, and nothing without a text", () => {
    expect(findInTree(spans, "tool")?.hits.has("b")).toBe(true);
    expect(findInTree(spans, " ")).toBeNull();
  });
});
