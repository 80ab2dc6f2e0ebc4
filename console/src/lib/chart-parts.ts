/** Axes and grid that all charts share. */

import type { ChartOption } from "@/components/chart";
import { axisTime, FONT, INK } from "./chart-theme";
import type { Scheme } from "./series";

export function frame(scheme: Scheme): ChartOption {
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
    tooltip: {
      trigger: "axis",
      showContent: false,
      axisPointer: {
        type: "line",
        snap: true,
        lineStyle: { color: INK[scheme].pointer, type: "solid", width: 1 },
      },
    },
  };
}

/** Microseconds in, as the API has them. */
export function timeAxis(scheme: Scheme, from: number, to: number): ChartOption {
  const ink = INK[scheme];
  return {
    type: "time",
    min: from / 1000,
    max: to / 1000,
    axisLine: { lineStyle: { color: ink.grid } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      color: ink.text,
      fontSize: 11,
      hideOverlap: true,
      showMinLabel: false,
      showMaxLabel: false,
      formatter: (value: number) => axisTime(value, (to - from) / 1000),
    },
  };
}

/** From the first step to the last. A single one stands in the middle: an axis without length shows nothing. */
export function stepBounds(times: readonly number[], step: number, whole: { from: number; to: number }) {
  const from = times[0] ?? whole.from;
  const to = times.at(-1) ?? whole.to;
  return from < to ? { from, to } : { from: from - step / 2, to: to + step / 2 };
}

type Point = [number, number | null];

/**
 * Points of a line: microseconds in, milliseconds out. One without a neighbour has no line to be seen by, so it is
 * drawn as a dot; the series shows symbols and has none of its own.
 */
export function linePoints(times: readonly number[], values: readonly (number | null)[]) {
  const at = (index: number) => values[index] ?? null;
  return values.map((value, index) => {
    const point: Point = [(times[index] ?? 0) / 1000, value];
    const lone = value !== null && at(index - 1) === null && at(index + 1) === null;
    return lone ? { value: point, symbol: "circle", symbolSize: 5 } : point;
  });
}

export function valueAxis(scheme: Scheme, format: (value: number) => string): ChartOption {
  const ink = INK[scheme];
  return {
    type: "value",
    splitNumber: 3,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: ink.grid } },
    axisLabel: { color: ink.text, fontSize: 11, formatter: format },
    axisPointer: { show: false },
  };
}

export function categoryAxis(scheme: Scheme, data: string[]): ChartOption {
  const ink = INK[scheme];
  return {
    type: "category",
    data,
    axisLine: { lineStyle: { color: ink.grid } },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: { color: ink.text, fontSize: 11, hideOverlap: true },
    axisPointer: { show: false },
  };
}

/** The lower end of an axis: zero, unless values lie below it. */
export function belowZero(extent: { min: number }): number {
  return Math.min(0, extent.min);
}
