import { describe, expect, test } from "vitest";
import { random } from "@/test/mock-data";
import { addLive, compareRows, countNew, mergeRows, rowKey } from "./live-rows";

interface Row {
  trace_id: string;
  span_id: string;
  started: number;
  note?: string;
}

const row = (id: number, started: number, note?: string): Row => ({
  trace_id: `t${id}`,
  span_id: `s${id}`,
  started,
  note,
});

describe("live rows", () => {
  test("come before the fetched ones, newest first", () =>
    expect(mergeRows([row(3, 30), row(4, 40)], [row(2, 20), row(1, 10)]).map((one) => one.started)).toEqual([
      40, 30, 20, 10,
    ]));

  test("that were fetched too appear once, in their live form", () => {
    const merged = mergeRows([row(1, 10, "complete")], [row(2, 20), row(1, 10, "cut off")]);
    expect(merged).toHaveLength(2);
    expect(merged[1]?.note).toBe("complete");
  });

  test("of a long call that ended late take the place of their start", () =>
    expect(mergeRows([row(9, 15)], [row(2, 20), row(1, 10)]).map((one) => one.span_id)).toEqual([
      "s2",
      "s9",
      "s1",
    ]));

  test("are counted as new only while they are not shown", () => {
    const shown = [row(1, 10)];
    expect(countNew([row(1, 10), row(2, 20)], shown)).toBe(1);
    expect(countNew([], shown)).toBe(0);
  });

  test("beyond the limit fall off at the old end", () =>
    expect(addLive([row(1, 10), row(2, 20)], [row(3, 30)], 2).map((one) => one.span_id)).toEqual([
      "s3",
      "s2",
    ]));
});

test("however rows arrive, the list is complete, unique and in order", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const draw = random(seed);
    const all = Array.from({ length: 40 }, (_, id) => row(id, Math.floor(draw() * 20)));
    const live = all.filter(() => draw() < 0.5);
    const fetched = all.filter((one) => !live.includes(one) || draw() < 0.3).sort(compareRows);
    const merged = mergeRows(live, fetched);
    expect(new Set(merged.map(rowKey)).size).toBe(all.length);
    expect(merged).toHaveLength(all.length);
    for (let at = 1; at < merged.length; at += 1) {
      const [before, after] = [merged[at - 1], merged[at]];
      expect(before && after && compareRows(before, after)).toBeLessThan(0);
    }
  }
});
