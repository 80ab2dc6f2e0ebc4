import { expect, test } from "vitest";
import { stretchesOf, worstOf } from "./targets";

const window = { from: 100, to: 200 };
const closed = { state: "closed", reason: "" } as const;

test("a target that never changed is what it says it is, over the whole window", () => {
  expect(stretchesOf({ ...closed, history: [] }, window)).toEqual([{ ...closed, from: 100, to: 200 }]);
});

test("a history is told without gaps, what lies before the window included", () => {
  const history = [
    { at: 50, state: "open", reason: "6 of 10 failed" },
    { at: 120, state: "half_open", reason: "10 s are over" },
    { at: 150, state: "closed", reason: "3 probes succeeded" },
    { at: 250, state: "open", reason: "later" },
  ] as const;
  expect(stretchesOf({ ...closed, history: [...history] }, window)).toEqual([
    { state: "open", reason: "6 of 10 failed", from: 100, to: 120 },
    { state: "half_open", reason: "10 s are over", from: 120, to: 150 },
    { state: "closed", reason: "3 probes succeeded", from: 150, to: 200 },
  ]);
});

test("of several workers the worst holds at each moment", () => {
  const calm = [{ ...closed, from: 100, to: 200 }];
  const out = [
    { ...closed, from: 100, to: 130 },
    { state: "open" as const, reason: "slow", from: 130, to: 150 },
    { ...closed, from: 150, to: 200 },
  ];
  expect(worstOf([calm, out])).toEqual(out);
  expect(worstOf([out])).toEqual(out);
  expect(worstOf([])).toEqual([]);
});
