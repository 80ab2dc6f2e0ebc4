import type { ChartOption } from "@/components/chart";
import { frame, valueAxis } from "@/lib/chart-parts";
import { INK } from "@/lib/chart-theme";
import { colorsOf } from "@/lib/group-colors";
import type { Scheme } from "@/lib/series";
import type { Figure, Summary, Unit } from "../types";
import { formatValue } from "../words";

export interface ParetoPoint {
  variant: string;
  x: Figure;
  y: Figure;
  xUnit: Unit;
  yUnit: Unit;
}

/** The variants that have both figures. */
export function pointsOf({ variants }: Summary, price: string, quality: string): ParetoPoint[] {
  return variants.flatMap((variant) => {
    const x = variant.metrics.find((one) => one.metric === price);
    const y = variant.metrics.find((one) => one.metric === quality);
    if (!x?.figure || !y?.figure) return [];
    return [{ variant: variant.variant, x: x.figure, y: y.figure, xUnit: x.unit, yUnit: y.unit }];
  });
}

/** Which are worse, or no better, at both than another that is better at one. */
export function dominated(
  points: readonly ParetoPoint[],
  lessIsBetter: boolean,
): { variant: string; by: string }[] {
  const good = ({ y }: ParetoPoint) => (lessIsBetter ? -y.value : y.value);
  return points.flatMap((point) => {
    const by = points.find(
      (other) =>
        other.x.value <= point.x.value &&
        good(other) >= good(point) &&
        (other.x.value < point.x.value || good(other) > good(point)),
    );
    return by ? [{ variant: point.variant, by: by.variant }] : [];
  });
}

/** A dot for each variant, with its two intervals as a cross, and a line through those that nobody beats. */
export function paretoOption(
  points: readonly ParetoPoint[],
  scheme: Scheme,
  lessIsBetter: boolean,
): ChartOption {
  const ink = INK[scheme];
  const colors = colorsOf(
    points.map((point) => point.variant),
    scheme,
  );
  const beaten = new Set(dominated(points, lessIsBetter).map((one) => one.variant));
  const front = points
    .filter((point) => !beaten.has(point.variant))
    .sort((a, b) => a.x.value - b.x.value)
    .map((point) => [point.x.value, point.y.value]);
  const [first] = points;
  const xUnit = first?.xUnit ?? "number";
  const yUnit = first?.yUnit ?? "number";
  const line = (data: number[][], color: string, width: number, type: string) => ({
    type: "line",
    data,
    silent: true,
    showSymbol: false,
    lineStyle: { color, width, type },
  });
  return {
    ...frame(scheme),
    tooltip: { show: false },
    grid: {
      left: 12,
      right: 90,
      top: 22,
      bottom: 8,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    xAxis: { ...valueAxis(scheme, (value) => formatValue(value, xUnit)), scale: true },
    yAxis: { ...valueAxis(scheme, (value) => formatValue(value, yUnit)), scale: true },
    series: [
      line(front, ink.pointer, 1, "dashed"),
      ...points.flatMap((point, index) => {
        const color = colors[index] ?? ink.text;
        const { x, y } = point;
        return [
          line(
            [
              [x.value, y.low ?? y.value],
              [x.value, y.high ?? y.value],
            ],
            color,
            1.4,
            "solid",
          ),
          line(
            [
              [x.low ?? x.value, y.value],
              [x.high ?? x.value, y.value],
            ],
            color,
            1.4,
            "solid",
          ),
          {
            type: "line",
            silent: true,
            data: [[x.value, y.value]],
            showSymbol: true,
            symbol: "circle",
            symbolSize: 9,
            itemStyle: { color },
            label: {
              show: true,
              position: "right",
              distance: 8,
              color: ink.text,
              fontSize: 12,
              formatter: point.variant,
            },
          },
        ];
      }),
    ],
  };
}
