import type { ChartOption } from "@/components/chart";
import { belowZero, frame, timeAxis, valueAxis } from "@/lib/chart-parts";
import { colorsOf } from "@/lib/group-colors";
import { axisUnit } from "@/lib/metrics";
import { type Scheme, SERIES_COLORS } from "@/lib/series";
import type { BackTest } from "./types";

/** At most so many groups are drawn, those that fired first. */
const MOST = 6;

export function nameOf(labels: Record<string, string>): string {
  return (
    Object.entries(labels)
      .filter(([name]) => name !== "alert" && name !== "severity")
      .map(([, value]) => value || "none")
      .join(" / ") || "value"
  );
}

export function shownSeries(test: BackTest): BackTest["series"] {
  return [...test.series].sort((a, b) => b.firings.length - a.firings.length).slice(0, MOST);
}

/** The value that a rule watches, what it is held against, and when it would have fired. */
export function ruleOption(test: BackTest, scheme: Scheme): ChartOption {
  const shown = shownSeries(test);
  const colors = colorsOf(
    shown.map((one) => nameOf(one.labels)),
    scheme,
  );
  const bad = SERIES_COLORS[scheme].errors;
  const point = (times: number[], values: (number | null)[]) =>
    times.map((time, index) => [time / 1000, values[index] ?? null]);
  // Of the group that fired most; all of them together would cover the chart.
  const areas = (shown[0]?.firings ?? []).map((firing) => [
    { xAxis: firing.fired / 1000 },
    { xAxis: (firing.resolved ?? test.to) / 1000 },
  ]);
  const line = { type: "line", silent: true, showSymbol: false, emphasis: { disabled: true } };
  return {
    ...frame(scheme),
    xAxis: timeAxis(scheme, test.from, test.to),
    yAxis: { ...valueAxis(scheme, (value) => axisUnit(value, test.unit)), min: belowZero },
    series: [
      ...shown.map((one, index) => ({
        ...line,
        name: nameOf(one.labels),
        data: point(one.times, one.values),
        itemStyle: { color: colors[index] },
        lineStyle: { color: colors[index], width: 1.5 },
        ...(index === 0 && areas.length
          ? { markArea: { silent: true, itemStyle: { color: bad, opacity: 0.16 }, data: areas } }
          : {}),
      })),
      ...shown.slice(0, shown.length === 1 ? 1 : MOST).map((one) => ({
        ...line,
        name: "threshold",
        data: point(one.times, one.thresholds),
        itemStyle: { color: bad },
        lineStyle: { color: bad, width: 1, type: "dashed", opacity: shown.length > 1 ? 0.5 : 1 },
      })),
    ],
  };
}
