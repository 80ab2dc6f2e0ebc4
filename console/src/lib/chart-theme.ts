/** The one look of all charts, and the option of a time series in it. */

import { type Scheme, SERIES_COLORS, SERIES_LABELS, type SeriesName } from "./series";

export interface SeriesData {
  name: SeriesName;
  values: (number | null)[];
}

export interface TimeSeries {
  /** Start of each step, microseconds. */
  times: number[];
  /** Length of a step, microseconds. */
  step: number;
  series: SeriesData[];
  /** Stacked areas instead of lines. */
  stacked?: boolean;
  /** Bars instead of lines. */
  bars?: boolean;
  /** Text of a value on the axis. */
  format: (value: number) => string;
  scheme: Scheme;
}

export const INK: Record<Scheme, { text: string; grid: string; pointer: string; surface: string }> = {
  light: { text: "#5b656d", grid: "#e8ecee", pointer: "#7b868e", surface: "#ffffff" },
  dark: { text: "#9aa3ab", grid: "#20262b", pointer: "#7b868e", surface: "#14181b" },
};
export const FONT = '"Inter Variable", system-ui, sans-serif';

/** Label of a moment on the axis; days where the window spans several. */
export function axisTime(milliseconds: number, spanMilliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const hour = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const day = date.toLocaleDateString("en-US", { month: "short", day: "numeric" });
  if (spanMilliseconds > 2 * 86_400_000) return day;
  return spanMilliseconds > 12 * 3_600_000 && hour === "00:00" ? day : hour;
}

export function timeSeriesOption(chart: TimeSeries): Record<string, unknown> {
  const ink = INK[chart.scheme];
  const span = (chart.step * chart.times.length) / 1000;
  return {
    animation: false,
    backgroundColor: "transparent",
    textStyle: { fontFamily: FONT },
    grid: {
      left: 8,
      right: 12,
      top: 10,
      bottom: 4,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    // The readout stands in the card's head; a floating box would cover what one looks at.
    tooltip: {
      trigger: "axis",
      showContent: false,
      axisPointer: { type: "line", snap: true, lineStyle: { color: ink.pointer, type: "solid", width: 1 } },
    },
    xAxis: {
      type: "time",
      axisLine: { lineStyle: { color: ink.grid } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        color: ink.text,
        fontSize: 11,
        hideOverlap: true,
        showMinLabel: false,
        showMaxLabel: false,
        formatter: (value: number) => axisTime(value, span),
      },
    },
    yAxis: {
      type: "value",
      min: 0,
      ...(few(chart.series) ? { minInterval: 1 } : {}),
      splitNumber: 3,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: ink.grid } },
      axisLabel: { color: ink.text, fontSize: 11, formatter: chart.format },
      axisPointer: { show: false },
    },
    series: chart.series.map((one) => seriesOption(one, chart)),
  };
}

/** Whole numbers, and not many: a step of a third would mean nothing. */
function few(series: readonly SeriesData[]): boolean {
  return series.every((one) =>
    one.values.every((value) => Number.isInteger(value ?? 0) && (value ?? 0) <= 5),
  );
}

function seriesOption(one: SeriesData, chart: TimeSeries): Record<string, unknown> {
  const color = SERIES_COLORS[chart.scheme][one.name];
  const data = one.values.map((value, index) => [(chart.times[index] ?? 0) / 1000, value]);
  const base = {
    name: SERIES_LABELS[one.name],
    data,
    itemStyle: { color },
    emphasis: { disabled: true },
    silent: true,
  };
  if (chart.bars)
    return { ...base, type: "bar", stack: "all", barCategoryGap: "25%", barMaxWidth: 18, large: false };
  return {
    ...base,
    type: "line",
    showSymbol: alone(one.values),
    symbol: "circle",
    symbolSize: 4,
    connectNulls: false,
    lineStyle: { color, width: chart.stacked ? 1 : 1.6 },
    ...(chart.stacked
      ? { stack: "all", areaStyle: { color, opacity: chart.scheme === "light" ? 0.75 : 0.7 } }
      : {}),
  };
}

/** True when some value has no neighbour: a line would not show it, a dot does. */
function alone(values: readonly (number | null)[]): boolean {
  return values.some(
    (value, index) =>
      value !== null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null,
  );
}
