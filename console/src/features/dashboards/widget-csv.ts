import { linesOf, tableOf } from "./chart-lines";
import type { WidgetData } from "./queries";
import type { Widget } from "./types";

type Rows = (string | number | null)[][];

/** A widget's numbers, in the API's own units: microseconds, nano-dollars, shares of 1. */
export function rowsOf(widget: Widget, data: WidgetData): Rows {
  if (data.distribution) {
    const { unit, cells } = data.distribution;
    return [
      ["time", `from (${unit})`, `to (${unit})`, data.sample < 1 ? "count (estimated)" : "count"],
      ...cells.map((cell) => [iso(cell.t), cell.low, cell.high, cell.count]),
    ];
  }
  if (widget.type === "table") {
    const table = tableOf(widget, data);
    const units = data.results.map((result) => unitOf(result.unit, result.sample));
    return [
      [...table.heads, ...table.columns.map((name, index) => `${name} (${units[index] ?? ""})`)],
      ...table.rows.map((row) => [...row.labels, ...row.cells.map((cell) => cell.value)]),
    ];
  }
  const { times, lines } = linesOf(widget, data);
  if (widget.type === "number")
    return [
      lines.map((line) => `${line.name} (${unitOf(line.unit, line.sample)})`),
      lines.map((line) => line.total),
    ];
  return [
    ["time", ...lines.map((line) => `${line.name} (${unitOf(line.unit, line.sample)})`)],
    ...times.map((time, at) => [iso(time), ...lines.map((line) => line.values[at] ?? null)]),
  ];
}

function unitOf(unit: string, sample: number): string {
  return sample < 1 ? `${unit}, estimated` : unit;
}

function iso(us: number): string {
  return new Date(us / 1000).toISOString();
}
