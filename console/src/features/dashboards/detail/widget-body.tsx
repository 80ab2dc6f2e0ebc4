import { useComputedColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { Chart, type ChartPlace } from "@/components/chart";
import { formatAbout, formatWorth, worthOfValue } from "@/components/estimate";
import { formatCount, formatMinute } from "@/lib/format";
import { colorsOf } from "@/lib/group-colors";
import { formatUnit } from "@/lib/metrics";
import { type Behind, behindCell, behindLine } from "../behind";
import { type Lines, linesOf } from "../chart-lines";
import { bucketsOf } from "../options";
import { optionOf } from "../picture";
import type { WidgetData } from "../queries";
import type { Widget } from "../types";
import { NumberBody } from "./number-body";
import { TableBody } from "./table-body";
import classes from "./widget.module.css";

export interface BodyProps {
  widget: Widget;
  data: WidgetData;
  /** Of the whole dashboard, in the filter language. */
  filter: string;
  /** A click leads to the traces. */
  linked: boolean;
}

export function WidgetBody(props: BodyProps) {
  const { widget, data } = props;
  if (isEmpty(widget, data)) return <p className={classes.nothing}>Nothing of this kind in this time.</p>;
  if (widget.type === "number") return <NumberBody {...props} />;
  if (widget.type === "table") return <TableBody {...props} />;
  return <ChartBody {...props} />;
}

function isEmpty(widget: Widget, data: WidgetData): boolean {
  if (data.distribution) return data.distribution.cells.length === 0;
  // A number says by itself that it is none.
  return (
    widget.type !== "number" && data.results.every((result) => result.series.every((one) => !one.total.count))
  );
}

function ChartBody({ widget, data, filter, linked }: BodyProps) {
  const scheme = useComputedColorScheme("light");
  const navigate = useNavigate();
  const [at, setAt] = useState<number | null>(null);
  const option = useMemo(() => optionOf(widget, data, scheme) ?? {}, [widget, data, scheme]);
  const lines = useMemo(() => (data.distribution ? null : linesOf(widget, data)), [widget, data]);
  const open = useCallback(
    ({ q, from, to }: Behind) =>
      void navigate({ to: "/traces", search: { q, from, to, range: undefined } as never }),
    [navigate],
  );
  const pick = (place: ChartPlace) =>
    open(lines ? behindLine(place, lines, data, filter) : behindCell(place, widget, data, filter));
  return (
    <>
      {lines ? (
        <Legend widget={widget} lines={lines} at={at} />
      ) : (
        <Readout data={data} at={widget.type === "histogram" ? at : null} />
      )}
      <Chart
        option={option}
        label={`${widget.title}, chart`}
        className={classes.plot}
        group={lines ? "dashboard" : undefined}
        onCursor={setAt}
        onPick={linked ? pick : undefined}
      />
    </>
  );
}

/** Names with their colour, and the values under the cursor, or of the whole window. */
function Legend({ widget, lines, at }: { widget: Widget; lines: Lines; at: number | null }) {
  const scheme = useComputedColorScheme("light");
  const bands = widget.type === "percentiles";
  const colors = colorsOf(
    lines.lines.map((line) => line.name),
    scheme,
  );
  const time = at === null ? undefined : lines.times[at];
  return (
    <ul className={classes.legend}>
      {lines.lines.map((line, index) => {
        const there = time !== undefined && at !== null;
        const [value, margin] = there
          ? [line.values[at], line.margins[at] ?? null]
          : [line.total, line.totalMargin];
        return (
          <li key={line.name} title={worthOfValue(line.sample, margin, line.unit)}>
            {!bands && <span className={classes.swatch} style={{ background: colors[index] }} />}
            <span className={classes.name}>{line.name}</span>
            <b>{formatWorth(value, margin, line.unit)}</b>
          </li>
        );
      })}
      {lines.hidden > 0 && <li className="faint">and {formatCount(lines.hidden)} more</li>}
      {time !== undefined && <li className="faint">{formatMinute(time)}</li>}
    </ul>
  );
}

function Readout({ data, at }: { data: WidgetData; at: number | null }) {
  const cells = data.distribution?.cells ?? [];
  const unit = data.distribution?.unit ?? "number";
  const bucket = at === null ? undefined : bucketsOf(cells)[at];
  const inside = bucket ? cells.filter((cell) => cell.low === bucket.low) : cells;
  const count = inside.reduce((sum, cell) => sum + cell.count, 0);
  return (
    <ul className={classes.legend}>
      <li>
        <b>{data.sample < 1 ? formatAbout(count) : formatCount(count)}</b>
        {bucket && `from ${formatUnit(bucket.low, unit)} to ${formatUnit(bucket.high, unit)}`}
      </li>
    </ul>
  );
}
