import { describe, expect, test } from "vitest";
import { linePoints } from "@/lib/chart-parts";
import { csv } from "@/lib/download";
import { behindCell, behindLine, boundsOf } from "./behind";
import { linesOf, tableOf } from "./chart-lines";
import { as } from "./detail/widget-form";
import { boxOf, moveWidget, nextBox, within, withoutWidget } from "./layout";
import { bandsOption, heatmapOption, linesOption } from "./options";
import type { WidgetData } from "./queries";
import { NEW_QUERY, type Widget, whole } from "./types";
import { rowsOf } from "./widget-csv";

function widget(x: number, y: number, w = 6, h = 4): Widget {
  return { title: "Calls", about: "", type: "line", queries: [NEW_QUERY], layout: { x, y, w, h } };
}

const GROUPED: Widget = {
  ...widget(0, 0),
  queries: [{ ...NEW_QUERY, q: "route:support", group_by: ["model"] }],
};

function series(label: string | null, value: number) {
  const point = { value, count: value, margin: 0 };
  return { labels: [label], total: { t: 0, ...point }, points: [{ t: 10, ...point }] };
}

const COUNTED = { step: 10, unit: "count", sample: 1, unknown: 0 } as const;

const DATA: WidgetData = {
  window: { from: 0, to: 30 },
  step: 10,
  results: [{ ...COUNTED, groups: 5, series: [series("gpt", 9), series(null, 2)] }],
  distribution: null,
  sample: 1,
  unknown: 0,
};

test("a moved widget takes its place, and the others make room without gaps", () => {
  const widgets = [widget(0, 0), widget(6, 0), widget(0, 4, 12)];
  const moved = moveWidget(widgets, 1, { x: 0, y: 0, w: 6, h: 4 });
  expect(moved.map((one) => boxOf(one).y)).toEqual([4, 0, 8]);
  const down = moveWidget([widget(0, 0), widget(0, 4)], 0, { x: 0, y: 2, w: 6, h: 4 });
  expect(down.map((one) => boxOf(one).y)).toEqual([4, 0]);
});

test("a widget stays within the grid and large enough to read", () => {
  expect(within({ x: 11, y: -2, w: 40, h: 0 })).toEqual({ x: 0, y: 0, w: 12, h: 2 });
});

test("what was below a removed widget moves up, and a new one comes last", () => {
  const rest = withoutWidget([widget(0, 0), widget(0, 4)], 0);
  expect(rest.map((one) => boxOf(one).y)).toEqual([0]);
  expect(nextBox(rest, "number")).toEqual({ x: 0, y: 4, w: 3, h: 2 });
});

test("groups become lines with the terms that find their traces", () => {
  const { lines, hidden } = linesOf(GROUPED, DATA);
  expect(lines.map((line) => [line.name, line.values])).toEqual([
    ["gpt", [0, 9, 0]],
    ["none", [0, 2, 0]],
  ]);
  expect(lines[1]?.q).toBe("route:support missing:model");
  expect(hidden).toBe(3);
});

test("a click leads to the traces of the nearest line's step, under the dashboard's filter", () => {
  const behind = behindLine({ x: 0.01, y: 8 }, linesOf(GROUPED, DATA), DATA, "tag.env:prod");
  expect(behind).toEqual({ q: "tag.env:prod route:support model:gpt", from: 10, to: 20 });
});

test("a cell of a heat map leads to the calls between its bounds", () => {
  const cells = [{ t: 10, low: 100_000, high: 200_000, count: 4 }];
  const data = { ...DATA, results: [], distribution: { step: 10, unit: "microseconds", sample: 1, cells } };
  const heat: Widget = { ...widget(0, 0), type: "heatmap" };
  expect(behindCell({ x: 1, y: 0 }, heat, data, "")).toEqual({
    q: "duration>=100000us duration<200000us",
    from: 10,
    to: 20,
  });
  expect(boundsOf("cost", { low: 1_000_000, high: 2_000_000 }, "nano_dollars")).toBe(
    "cost>=$0.001 cost<$0.002",
  );
  const option = heatmapOption(data.distribution, [0, 10, 20], "light") as { series: { data: unknown[] }[] };
  expect(option.series[0]?.data).toEqual([[1, 0, 2]]);
});

test("a table has a row per group and a column per query", () => {
  const table = tableOf({ ...GROUPED, type: "table" }, DATA);
  expect(table.rows.map((row) => [row.labels[0], row.cells[0]?.text])).toEqual([
    ["gpt", "9"],
    [null, "2"],
  ]);
});

test("numbers are exported in the API's units, and no cell is a formula", () => {
  const rows = rowsOf({ ...GROUPED, type: "table" }, DATA);
  expect(rows[0]).toEqual(["model", "calls (count)"]);
  expect(csv([["=1+1", 'a "b", c', null, 2]])).toBe(`'=1+1,"a ""b"", c",,2\r\n`);
});

test("a widget that becomes a heat map keeps one query of a field, without groups", () => {
  const heat = as(GROUPED, "heatmap");
  expect(heat.queries).toHaveLength(1);
  expect(heat.queries[0]).toMatchObject({ field: "duration", group_by: [] });
  expect(as(GROUPED, "bar").queries).toBe(GROUPED.queries);
});

test("what the API leaves out is filled in", () => {
  const read = whole({ name: "A", widgets: [{ title: "B", type: "line", queries: [{}] }] } as never);
  expect(read.widgets[0]?.queries[0]).toEqual(NEW_QUERY);
});

describe("a chart of a single step", () => {
  const lone: WidgetData = {
    ...DATA,
    window: { from: 10, to: 20 },
    results: [{ ...COUNTED, groups: 1, series: [series("gpt", 9)] }],
  };
  const drawn = { value: [0.01, 9], symbol: "circle", symbolSize: 5 };

  test("shows its point in the middle, as a line and as bands", () => {
    for (const option of [
      linesOption(linesOf(GROUPED, lone), lone, "line", "dark"),
      bandsOption(linesOf({ ...GROUPED, type: "percentiles" }, lone), lone, "dark"),
    ]) {
      expect(option).toMatchObject({ xAxis: { min: 0.005, max: 0.015 } });
      expect((option.series as { data: unknown[] }[])[0]?.data).toEqual([drawn]);
    }
  });

  test("draws no dot where a line leads", () => {
    expect(linePoints([0, 1000, 2000, 3000], [1, 2, null, 4])).toEqual([
      [0, 1],
      [1, 2],
      [2, null],
      { value: [3, 4], symbol: "circle", symbolSize: 5 },
    ]);
  });
});
