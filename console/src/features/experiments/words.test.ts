import { describe, expect, test } from "vitest";
import { dominated, type ParetoPoint } from "./compare/pareto-option";
import { callsOf, missingIn, nextName, specToSend } from "./create/spec";
import { lookedAt, paceOf } from "./use-pace";
import {
  formatDifference,
  formatInterval,
  formatP,
  formatValue,
  lessIsBetter,
  sayLeft,
  verdictOf,
} from "./words";

const figure = (value: number, low: number | null = value, high: number | null = value) => ({
  value,
  low,
  high,
  method: "t",
});

test.each([
  [0.715, "share", "71.5%"],
  [0.42, "seconds", "420 ms"],
  [3.456, "seconds", "3.46 s"],
  [0.0004, "dollars", "$0.000400"],
  [12, "number", "12"],
  [0.12345, "number", "0.123"],
  [null, "share", "–"],
] as const)("%s %s reads %s", (value, unit, text) => expect(formatValue(value, unit)).toBe(text));

test("differences of shares are in points, and keep their sign", () => {
  expect(formatDifference(-0.18, "share")).toBe("−18.0 pt");
  expect(formatDifference(0.3, "seconds")).toBe("+300 ms");
  expect(formatDifference(0, "share")).toBe("±0.0 pt");
});

test("an end that a sample cannot bound is open", () => {
  expect(formatInterval(figure(0.5, null, 0.7), "share")).toBe("≤ 70.0%");
  expect(formatInterval(figure(0.5, 0.2, null), "share")).toBe("≥ 20.0%");
  expect(formatInterval(figure(0.5, null, null), "share")).toBe("not bounded");
});

test("less is better of cost and time, and a difference is only told when its interval is clear of zero", () => {
  expect(lessIsBetter("cost")).toBe(true);
  expect(lessIsBetter("edit_distance")).toBe(true);
  expect(lessIsBetter("exact")).toBe(false);
  expect(verdictOf("latency", figure(0.2, 0.1, 0.3))).toBe("worse");
  expect(verdictOf("exact", figure(0.2, 0.1, 0.3))).toBe("better");
  expect(verdictOf("exact", figure(0.2, -0.1, 0.3))).toBe("unclear");
});

test("p-values and times are short", () => {
  expect([formatP(0.0001), formatP(0.043), formatP(0.4)]).toEqual(["p < 0.001", "p = 0.043", "p = 0.40"]);
  expect([sayLeft(0.2), sayLeft(61), sayLeft(600), sayLeft(7500)]).toEqual([
    "1 s",
    "61 s",
    "10 min",
    "2 h 05 min",
  ]);
});

test("the pace is that of the last half minute", () => {
  let seen = lookedAt([], { at: 0, done: 0 });
  expect(paceOf(seen)).toBeNull();
  for (let second = 1; second <= 60; second += 1)
    seen = lookedAt(seen, { at: second * 1000, done: second < 31 ? second : second * 2 - 30 });
  expect(paceOf(seen)).toBeCloseTo(2, 1);
});

describe("a variant is beaten by one that is better at one and no worse at the other", () => {
  const point = (variant: string, x: number, y: number) =>
    ({ variant, x: figure(x), y: figure(y), xUnit: "dollars", yUnit: "share" }) as ParetoPoint;
  const points = [point("a", 1, 0.5), point("b", 2, 0.4), point("c", 3, 0.9)];
  test("where more is better", () => expect(dominated(points, false)).toEqual([{ variant: "b", by: "a" }]));
  test("where less is better", () => expect(dominated(points, true)).toEqual([{ variant: "c", by: "a" }]));
});

test("what is empty is not sent, and what is missing is said", () => {
  const spec = { name: " x ", dataset: "d", variants: [{ name: "a", model: "m", parameters: {} }], gate: [] };
  expect(specToSend(spec)).toEqual({ name: "x", dataset: "d", variants: [{ name: "a", model: "m" }] });
  expect(missingIn({ ...spec, name: "" })).toBe("Give it a name.");
  expect(missingIn({ ...spec, variants: [{ name: "a", model: "" }] })).toBe("Choose a model for a.");
  expect(missingIn(spec)).toBeNull();
  expect(nextName([{ name: "candidate" }])).toBe("candidate-2");
  expect(callsOf({ ...spec, limit: 5, repetitions: 3 }, 10)).toBe(15);
});
