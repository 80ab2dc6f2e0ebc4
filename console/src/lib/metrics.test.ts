import { expect, test } from "vitest";
import { colorsOf, GROUP_COLORS } from "./group-colors";
import {
  allOf,
  axisUnit,
  formatUnit,
  groupTerms,
  onAxis,
  sayMetric,
  stepFor,
  timesOf,
  unitOf,
} from "./metrics";
import { contrast, SURFACE } from "./series";

test("every group's colour stands out against its page", () => {
  for (const scheme of ["light", "dark"] as const)
    for (const color of GROUP_COLORS[scheme])
      expect(contrast(color, SURFACE[scheme])).toBeGreaterThanOrEqual(3);
});

test("a group keeps its colour beside others, and no two of a few share one", () => {
  const [alone] = colorsOf(["openai/gpt-4o"], "light");
  expect(colorsOf(["openai/gpt-4o", "gemini/flash"], "light")[0]).toBe(alone);
  const many = colorsOf(["a", "b", "c", "d", "e", "f", "g", "h"], "dark");
  expect(new Set(many).size).toBe(8);
  expect(colorsOf(["a", "b", "c", "d", "e", "f", "g", "h", "i"], "dark")).toHaveLength(9);
});

test("values read in their unit, and an unknown one is never zero", () => {
  expect(formatUnit(null, "nano_dollars")).toBe("–");
  expect(formatUnit(1_500_000_000, "nano_dollars")).toBe("$1.50");
  expect(formatUnit(0.0312, "share")).toBe("3.1%");
  expect(formatUnit(2_500_000, "microseconds")).toBe("2.50 s");
  expect(formatUnit(12.345, "per_second")).toBe("12.3/s");
  expect(formatUnit(64.7, "tokens_per_second")).toBe("64.7 tok/s");
  expect(axisUnit(0, "nano_dollars")).toBe("$0");
  expect(axisUnit(15_000_000, "microseconds")).toBe("15 s");
});

test("a step is round and makes some sixty points at most", () => {
  const day = 86_400_000_000;
  expect(stepFor({ from: 0, to: day })).toBe(1_800_000_000);
  expect(stepFor({ from: 0, to: 30 * day })).toBe(43_200_000_000);
  expect(timesOf({ from: 5, to: 25 }, 10)).toEqual([0, 10, 20]);
});

test("a series is laid on all steps of the window", () => {
  const total = { t: 0, value: 3, count: 3, margin: 0 };
  const series = { labels: [], total, points: [{ t: 10, value: 3, count: 3, margin: 0 }] };
  expect(onAxis(series, [0, 10, 20], 0)).toEqual([0, 3, 0]);
  expect(onAxis(undefined, [0, 10], null)).toEqual([null, null]);
});

test("texts that must all hold are joined, one with an or in parentheses", () => {
  expect(allOf("", null, "model:a")).toBe("model:a");
  expect(allOf("model:a or model:b", "status:error")).toBe("(model:a or model:b) status:error");
  expect(groupTerms(["model", "user"], ["a b", null])).toBe('model:"a b" missing:user');
});

test("a metric is said, and its unit known, before it is measured", () => {
  expect(sayMetric({ aggregation: "share", of: "status:error" })).toBe("share of calls with status:error");
  expect(sayMetric({ aggregation: "p95", field: "duration" })).toBe("p95 of duration");
  expect(unitOf({ aggregation: "sum", field: "cost" })).toBe("nano_dollars");
  expect(unitOf({ aggregation: "avg", field: "score.helpful" })).toBe("score");
  expect(unitOf({ aggregation: "rate" })).toBe("per_second");
});
