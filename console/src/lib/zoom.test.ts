import { expect, test } from "vitest";
import { around, clampExtent, isWhole, panBy, zoomBy } from "./zoom";

const whole = { from: 1000, to: 2000 };

test("looking closer keeps the point in its place", () =>
  expect(zoomBy(whole, whole, 0.5, 0.25)).toEqual({ from: 1125, to: 1625 }));

test("looking from further ends at the whole", () => {
  expect(zoomBy({ from: 1900, to: 2000 }, whole, 100)).toEqual(whole);
  expect(isWhole(zoomBy({ from: 1900, to: 2000 }, whole, 100), whole)).toBe(true);
});

test("moving stops at the end", () =>
  expect(panBy({ from: 1800, to: 1900 }, whole, 5)).toEqual({ from: 1900, to: 2000 }));

test("a span of no length is shown with room around it", () => {
  const shown = around({ started: 1500, duration: 0 }, whole);
  expect(shown.to - shown.from).toBe(40);
});

test("nothing is shown closer than it can be", () =>
  expect(clampExtent({ from: 1500, to: 1500 }, whole)).toEqual({ from: 1500, to: 1520 }));
