/** ECharts options of the widgets. */

import type { ChartOption } from "@/components/chart";
import {
  belowZero,
  categoryAxis,
  frame,
  linePoints,
  stepBounds,
  timeAxis,
  valueAxis,
} from "@/lib/chart-parts";
import { axisTime, INK } from "@/lib/chart-theme";
import { colorsOf } from "@/lib/group-colors";
import { axisUnit } from "@/lib/metrics";
import { type Scheme, SERIES_COLORS } from "@/lib/series";
import type { Line, Lines } from "./chart-lines";
import type { WidgetData } from "./queries";
import type { Distribution } from "./types";

export function linesOption(
  lines: Lines,
  data: WidgetData,
  kind: "line" | "bar",
  scheme: Scheme,
): ChartOption {
  const colors = colorsOf(
    lines.lines.map((line) => line.name),
    scheme,
  );
  const last = lines.times.at(-1) ?? data.window.to;
  const { from, to } =
    kind === "bar"
      ? { from: lines.times[0] ?? data.window.from, to: last + data.step }
      : stepBounds(lines.times, data.step, data.window);
  return {
    ...frame(scheme),
    xAxis: timeAxis(scheme, from, to),
    yAxis: { ...valueAxis(scheme, (value) => axisUnit(value, lines.unit)), min: belowZero },
    series: [
      ...lines.lines.map((line, index) => ({
        name: line.name,
        silent: true,
        emphasis: { disabled: true },
        itemStyle: { color: colors[index] },
        ...(kind === "bar"
          ? {
              type: "bar",
              data: line.values.map((value, at) => [(lines.times[at] ?? 0) / 1000, value]),
              stack: "all",
              barCategoryGap: "25%",
              barMaxWidth: 18,
            }
          : {
              type: "line",
              data: linePoints(lines.times, line.values),
              symbol: "none",
              lineStyle: { color: colors[index], width: 1.6 },
            }),
      })),
      ...(kind === "line"
        ? lines.lines.flatMap((line, index) => marginsOf(line, index, lines.times, colors[index]))
        : []),
    ],
  };
}

/** A band in which the true values of an estimated line lie; none for a line that was counted. */
function marginsOf(
  line: Line,
  index: number,
  times: readonly number[],
  color: string | undefined,
): ChartOption[] {
  if (!line.margins.some((margin) => margin)) return [];
  const low = line.values.map((value, at) => {
    const margin = line.margins[at] ?? null;
    return value === null || margin === null ? null : Math.max(0, value - margin);
  });
  const wide = line.values.map((value, at) => {
    const [from, margin] = [low[at] ?? null, line.margins[at] ?? null];
    return value === null || from === null || margin === null ? null : value + margin - from;
  });
  return [low, wide].map((values, part) => ({
    type: "line",
    stack: `margin ${index}`,
    data: values.map((value, at) => [(times[at] ?? 0) / 1000, value]),
    silent: true,
    emphasis: { disabled: true },
    symbol: "none",
    lineStyle: { opacity: 0 },
    ...(part ? { areaStyle: { color, opacity: 0.12 } } : {}),
  }));
}

/** How wide the values lie: a line for the median, and areas up to each percentile above it. */
export function bandsOption(lines: Lines, data: WidgetData, scheme: Scheme): ChartOption {
  const color = SERIES_COLORS[scheme].calls;
  const opacity = [0, 0.42, 0.3, 0.2, 0.12];
  const { from, to } = stepBounds(lines.times, data.step, data.window);
  return {
    ...frame(scheme),
    xAxis: timeAxis(scheme, from, to),
    yAxis: { ...valueAxis(scheme, (value) => axisUnit(value, lines.unit)), min: belowZero },
    series: lines.lines.map((line, index) => ({
      name: line.name,
      type: "line",
      stack: "bands",
      // Stacked: each holds what it adds to the one below.
      data: linePoints(
        lines.times,
        line.values.map((value, at) => {
          const below = index ? (lines.lines[index - 1]?.values[at] ?? 0) : 0;
          return value === null ? null : Math.max(0, value - below);
        }),
      ),
      silent: true,
      emphasis: { disabled: true },
      symbol: "none",
      itemStyle: { color },
      lineStyle: { color, width: index === 0 ? 1.8 : 0.6, opacity: index === 0 ? 1 : 0.5 },
      ...(index ? { areaStyle: { color, opacity: opacity[index] } } : {}),
    })),
  };
}

/** Bounds of the cells of a distribution, from low to high. */
export function bucketsOf(cells: Distribution["cells"]): { low: number; high: number }[] {
  const found = new Map(cells.map((cell) => [cell.low, cell.high]));
  return [...found].sort(([a], [b]) => a - b).map(([low, high]) => ({ low, high }));
}

export function histogramOption(distribution: Distribution, scheme: Scheme): ChartOption {
  const buckets = bucketsOf(distribution.cells);
  const counts = new Map<number, number>();
  for (const cell of distribution.cells) counts.set(cell.low, (counts.get(cell.low) ?? 0) + cell.count);
  return {
    ...frame(scheme),
    xAxis: {
      ...categoryAxis(
        scheme,
        buckets.map(({ low }) => axisUnit(low, distribution.unit)),
      ),
      axisPointer: { show: true, type: "shadow" },
    },
    yAxis: { ...valueAxis(scheme, (value) => axisUnit(value, "count")), min: 0 },
    series: [
      {
        type: "bar",
        data: buckets.map(({ low }) => counts.get(low) ?? 0),
        barCategoryGap: "8%",
        silent: true,
        emphasis: { disabled: true },
        itemStyle: { color: SERIES_COLORS[scheme].calls },
      },
    ],
  };
}

const MOST_LABELS = 8;

/** A category axis upright: its labels would stand on each other. */
function sparse(axis: ChartOption, categories: number): ChartOption {
  const interval = Math.ceil(categories / MOST_LABELS) - 1;
  return { ...axis, axisLabel: { ...(axis.axisLabel as object), interval: Math.max(0, interval) } };
}

export function heatmapOption(distribution: Distribution, times: number[], scheme: Scheme): ChartOption {
  const buckets = bucketsOf(distribution.cells);
  const row = new Map(buckets.map(({ low }, index) => [low, index]));
  const column = new Map(times.map((time, index) => [time, index]));
  const most = Math.max(1, ...distribution.cells.map((cell) => cell.count));
  const span = times.length > 1 ? ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000 : 0;
  const ink = INK[scheme];
  return {
    ...frame(scheme),
    tooltip: { show: false },
    xAxis: categoryAxis(
      scheme,
      times.map((time) => axisTime(time / 1000, span)),
    ),
    yAxis: sparse(
      categoryAxis(
        scheme,
        buckets.map(({ low }) => axisUnit(low, distribution.unit)),
      ),
      buckets.length,
    ),
    // The square root lets a rare slow call be seen beside the many quick ones.
    visualMap: {
      show: false,
      min: 0,
      max: Math.sqrt(most),
      dimension: 2,
      inRange: {
        color:
          scheme === "light"
            ? ["#e3f1f8", "#8cc4e0", "#2f8fc2", "#00507d"]
            : ["#16303f", "#1f5f85", "#3f9dd0", "#bfe4fa"],
      },
    },
    series: [
      {
        type: "heatmap",
        silent: true,
        emphasis: { disabled: true },
        itemStyle: { borderColor: ink.surface, borderWidth: 0.5 },
        data: distribution.cells
          .map((cell) => [column.get(cell.t) ?? -1, row.get(cell.low) ?? -1, Math.sqrt(cell.count)])
          .filter(([x = -1]) => x >= 0),
      },
    ],
  };
}
