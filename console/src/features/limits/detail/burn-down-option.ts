import type { BudgetUse, SpendLine } from "@/api/types";
import { axisTime, FONT, INK } from "@/lib/chart-theme";
import { formatMoneyShort } from "@/lib/format";
import { type Scheme, SERIES_COLORS, type SeriesName } from "@/lib/series";

type Point = [milliseconds: number, nano: number];

/** The chart of one counter: from the window's start to its end, whatever has passed of it. */
export function burnDownOption(budget: BudgetUse, line: SpendLine, scheme: Scheme): Record<string, unknown> {
  const ink = INK[scheme];
  const [start, end] = [budget.start / 1000, budget.end / 1000];
  const spent: Point[] = [[start, 0], ...line.series.map((one): Point => [one.t / 1000, one.total])];
  const [now, total] = spent.at(-1) ?? [start, 0];
  const { expected, low, high } = line.forecast;
  const limits: [SeriesName, number | null][] = [
    ["soft", budget.soft],
    ["hard", budget.hard],
  ];
  const top = Math.max(total, expected, high ?? 0);
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
      axisPointer: { type: "line", lineStyle: { color: ink.pointer, type: "solid", width: 1 } },
    },
    xAxis: {
      type: "time",
      min: start,
      max: end,
      axisLine: { lineStyle: { color: ink.grid } },
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: {
        color: ink.text,
        fontSize: 11,
        hideOverlap: true,
        formatter: (value: number) => axisTime(value, end - start),
      },
    },
    yAxis: {
      type: "value",
      min: 0,
      // A limit far above what is spent would press the curve flat: then it lies beyond the chart.
      max: axisTop(top, limits),
      splitNumber: 3,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: ink.grid } },
      axisLabel: { color: ink.text, fontSize: 11, showMaxLabel: false, formatter: formatMoneyShort },
      axisPointer: { show: false },
    },
    series: [
      ...band(now, end, { total, low, high }, SERIES_COLORS[scheme].forecast),
      drawn("forecast", [[now, total] satisfies Point, [end, expected] satisfies Point], scheme, {
        type: [4, 4],
        width: 1.6,
      }),
      ...limits.flatMap(([name, amount]) =>
        amount === null
          ? []
          : [
              drawn(
                name,
                [
                  [start, amount],
                  [end, amount],
                ],
                scheme,
                { width: 1.3 },
              ),
            ],
      ),
      {
        ...drawn("cost", spent, scheme, { width: 2 }),
        areaStyle: { color: SERIES_COLORS[scheme].cost, opacity: 0.14 },
        showSymbol: spent.length < 3,
      },
    ],
  };
}

/** The lowest limit above what is expected, with room above it; else what is expected. */
export function axisTop(top: number, limits: readonly [string, number | null][]): number {
  const near = limits.flatMap(([, amount]) =>
    amount !== null && amount <= Math.max(top, 1) * 8 ? [amount] : [],
  );
  return Math.max(top, ...near, 1) * 1.12;
}

function drawn(
  name: SeriesName,
  data: Point[],
  scheme: Scheme,
  line: Record<string, unknown>,
): Record<string, unknown> {
  const color = SERIES_COLORS[scheme][name];
  return {
    name,
    type: "line",
    data,
    showSymbol: false,
    symbol: "circle",
    symbolSize: 5,
    silent: true,
    itemStyle: { color },
    lineStyle: { color, ...line },
    emphasis: { disabled: true },
  };
}

/** The interval of the forecast: from a point now to its width at the end. */
function band(
  now: number,
  end: number,
  { total, low, high }: { total: number; low: number | null; high: number | null },
  color: string,
): Record<string, unknown>[] {
  if (low === null || high === null) return [];
  const base = {
    type: "line",
    stack: "interval",
    showSymbol: false,
    silent: true,
    lineStyle: { opacity: 0 },
    itemStyle: { color },
    emphasis: { disabled: true },
  };
  return [
    {
      ...base,
      name: "low",
      data: [
        [now, total],
        [end, low],
      ],
    },
    {
      ...base,
      name: "high",
      data: [
        [now, 0],
        [end, high - low],
      ],
      areaStyle: { color, opacity: 0.22 },
    },
  ];
}
