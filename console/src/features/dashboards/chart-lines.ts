/** The lines of a widget: one per query, or per group of one. */

import { formatWorth, worthOfValue } from "@/components/estimate";
import { absentValue, allOf, groupTerms, onAxis, sayMetric, timesOf } from "@/lib/metrics";
import type { WidgetData } from "./queries";
import { BANDS } from "./queries";
import type { MetricResult, Widget, WidgetQuery } from "./types";

export interface Line {
  name: string;
  values: (number | null)[];
  total: number | null;
  /** How far the values may be off: 0 of what is exact, null where it is not known. */
  margins: (number | null)[];
  totalMargin: number | null;
  /** The share of the spans that were asked. */
  sample: number;
  unit: string;
  /** What the traces behind it are found by. */
  q: string;
}

export interface Lines {
  times: number[];
  lines: Line[];
  unit: string;
  /** Groups beyond the largest, which are not shown. */
  hidden: number;
}

export function linesOf(widget: Widget, data: WidgetData): Lines {
  const times = timesOf(data.window, data.step);
  const bands = widget.type === "percentiles";
  const several = widget.queries.length > 1 && !bands;
  const lines = data.results.flatMap((result, index): Line[] => {
    const query = (bands ? widget.queries[0] : widget.queries[index]) as WidgetQuery;
    const fields = bands ? [] : (query.group_by ?? []);
    const own = bands ? (BANDS[index] ?? "") : query.label || sayMetric(query);
    const absent = bands ? null : absentValue(query.aggregation);
    const series = result.series.length || fields.length ? result.series : [undefined];
    return series.map((one) => {
      const group = one ? nameOfGroup(one.labels) : "";
      return {
        name: fields.length ? (several ? `${own}: ${group}` : group) : own,
        values: onAxis(one, times, absent),
        total: one?.total.value ?? null,
        margins: marginsOn(one, times),
        totalMargin: marginOf(one?.total),
        sample: result.sample,
        unit: result.unit,
        q: allOf(query.q, query.of, one && fields.length ? groupTerms(fields, one.labels) : ""),
      };
    });
  });
  const hidden = data.results.reduce(
    (sum, result) => sum + Math.max(0, result.groups - result.series.length),
    0,
  );
  return { times, lines, unit: data.results[0]?.unit ?? "number", hidden };
}

function marginOf(point: { margin: number | null } | undefined): number | null {
  return point ? point.margin : 0;
}

function marginsOn(
  series: MetricResult["series"][number] | undefined,
  times: readonly number[],
): (number | null)[] {
  const known = new Map(series?.points.map((point) => [point.t, marginOf(point)]));
  return times.map((time) => (known.has(time) ? (known.get(time) ?? null) : 0));
}

/** `openai / gpt-4o`; what has no value says so. */
export function nameOfGroup(labels: readonly (string | null)[]): string {
  return labels.map((label) => (label === null || label === "" ? "none" : label)).join(" / ");
}

export interface TableRow {
  labels: (string | null)[];
  cells: { value: number | null; text: string; worth?: string | undefined }[];
  q: string;
}

export interface TableView {
  heads: string[];
  columns: string[];
  rows: TableRow[];
  hidden: number;
}

/** Groups down, queries across; ordered as the first query has them, its largest value first. */
export function tableOf(widget: Widget, data: WidgetData): TableView {
  const rows = new Map<string, TableRow>();
  const fields = widget.queries[0]?.group_by ?? [];
  data.results.forEach((result, index) => {
    for (const series of result.series) {
      const key = JSON.stringify(series.labels);
      const row = rows.get(key) ?? {
        labels: [...series.labels],
        cells: widget.queries.map(() => ({ value: null, text: "–" })),
        q: allOf(widget.queries[0]?.q, groupTerms(fields, series.labels)),
      };
      const value = series.total.value ?? null;
      const margin = marginOf(series.total);
      row.cells[index] = {
        value,
        text: formatWorth(value, margin, result.unit),
        worth: worthOfValue(result.sample, margin, result.unit),
      };
      rows.set(key, row);
    }
  });
  const ordered = [...rows.values()].sort((a, b) => (b.cells[0]?.value ?? -1) - (a.cells[0]?.value ?? -1));
  return {
    heads: fields.length ? fields : [""],
    columns: widget.queries.map((query) => query.label || sayMetric(query)),
    rows: ordered,
    hidden: Math.max(0, ...data.results.map((result) => result.groups - result.series.length)),
  };
}
