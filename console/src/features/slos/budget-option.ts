import type { ChartOption } from "@/components/chart";
import { frame, timeAxis, valueAxis } from "@/lib/chart-parts";
import { INK } from "@/lib/chart-theme";
import { formatPercent } from "@/lib/format";
import { type Scheme, SERIES_COLORS } from "@/lib/series";
import type { SloStatus } from "./types";

/** What is left of the error budget over the period; below the line it is overspent. */
export function budgetOption(status: SloStatus, scheme: Scheme): ChartOption {
  const color = SERIES_COLORS[scheme].cost;
  const bad = SERIES_COLORS[scheme].errors;
  const left = status.points.map((point) => [point.t / 1000, point.remaining]);
  const lowest = Math.min(0, ...status.points.map((point) => point.remaining));
  return {
    ...frame(scheme),
    xAxis: timeAxis(scheme, status.from, Math.max(status.ends, status.to)),
    yAxis: {
      ...valueAxis(scheme, (value) => formatPercent(value)),
      min: lowest < 0 ? Math.floor(lowest * 4) / 4 : 0,
      max: 1,
    },
    series: [
      {
        type: "line",
        data: left,
        silent: true,
        showSymbol: false,
        emphasis: { disabled: true },
        itemStyle: { color },
        lineStyle: { color: (status.remaining ?? 1) < 0 ? bad : color, width: 1.8 },
        areaStyle: { color: (status.remaining ?? 1) < 0 ? bad : color, opacity: 0.14 },
        markLine: {
          silent: true,
          symbol: "none",
          label: { show: false },
          lineStyle: { color: INK[scheme].pointer, type: "solid", width: 1 },
          data: [{ yAxis: 0 }],
        },
      },
      {
        // Even use: all of it gone exactly at the end.
        type: "line",
        data: [
          [status.from / 1000, 1],
          [Math.max(status.ends, status.to) / 1000, 0],
        ],
        silent: true,
        showSymbol: false,
        lineStyle: { color: INK[scheme].pointer, type: "dashed", width: 1 },
      },
    ],
  };
}
