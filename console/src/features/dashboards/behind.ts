/** From a point of a chart to the traces behind it. */

import type { ChartPlace } from "@/components/chart";
import { allOf, timesOf } from "@/lib/metrics";
import type { Lines } from "./chart-lines";
import { bucketsOf } from "./options";
import type { WidgetData } from "./queries";
import type { Widget } from "./types";

export interface Behind {
  q: string | undefined;
  from: number;
  to: number;
}

/** The traces of one step, of the line that is nearest to the pointer. */
export function behindLine(place: ChartPlace, lines: Lines, data: WidgetData, filter: string): Behind {
  const clicked = place.x * 1000;
  const at = Math.max(
    0,
    lines.times.findLastIndex((time) => time <= clicked + data.step / 2),
  );
  const from = lines.times[at] ?? data.window.from;
  const distance = (value: number | null | undefined) =>
    value === null || value === undefined ? Number.POSITIVE_INFINITY : Math.abs(value - place.y);
  const nearest = lines.lines.reduce<Lines["lines"][number] | undefined>(
    (best, line) =>
      best === undefined || distance(line.values[at]) < distance(best.values[at]) ? line : best,
    undefined,
  );
  return { q: allOf(filter, nearest?.q) || undefined, from, to: from + data.step };
}

/** The traces of one cell of a heat map, or of one bar of a histogram. */
export function behindCell(place: ChartPlace, widget: Widget, data: WidgetData, filter: string): Behind {
  const query = widget.queries[0];
  const heat = widget.type === "heatmap";
  const buckets = bucketsOf(data.distribution?.cells ?? []);
  const bucket = buckets[Math.round(heat ? place.y : place.x)];
  const field = query?.field ?? "duration";
  const bounds = bucket ? boundsOf(field, bucket, data.distribution?.unit ?? "number") : "";
  const from = heat
    ? (timesOf(data.window, data.step)[Math.round(place.x)] ?? data.window.from)
    : data.window.from;
  return {
    q: allOf(filter, query?.q, bounds) || undefined,
    from,
    to: heat ? from + data.step : data.window.to,
  };
}

/** `duration>=100000us duration<120000us`, in units that the filter language reads. */
export function boundsOf(field: string, { low, high }: { low: number; high: number }, unit: string): string {
  const write = (value: number) => {
    if (unit === "microseconds") return `${Math.round(value)}us`;
    if (unit === "nano_dollars") return `$${Number((value / 1_000_000_000).toFixed(9))}`;
    return String(Number(value.toPrecision(6)));
  };
  return `${field}>=${write(low)} ${field}<${write(high)}`;
}
