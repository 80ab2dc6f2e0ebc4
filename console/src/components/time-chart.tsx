/** A time series whose cursor moves with all other charts of its group. Readout in the head, no floating box. */

import { useComputedColorScheme } from "@mantine/core";
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { connect, type EChartsType, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef, useState } from "react";
import { type SeriesData, type TimeSeries, timeSeriesOption } from "@/lib/chart-theme";
import { formatMinute } from "@/lib/format";
import { SERIES_COLORS, SERIES_LABELS } from "@/lib/series";
import classes from "./time-chart.module.css";

use([LineChart, BarChart, GridComponent, TooltipComponent, SVGRenderer]);

interface TimeChartProps extends Omit<TimeSeries, "scheme" | "format"> {
  title: string;
  /** Text of a value: in the readout, and on the axis unless `axis` is given. */
  format: (value: number | null) => string;
  axis?: (value: number) => string;
  /** What the readout shows of a series when the cursor is nowhere. */
  rest?: (series: SeriesData) => string;
  group: string;
}

export function TimeChart(props: TimeChartProps) {
  const { title, format, axis, rest, group, times, step, series, stacked, bars } = props;
  const scheme = useComputedColorScheme("light");
  const box = useRef<HTMLDivElement>(null);
  const instance = useRef<EChartsType | null>(null);
  const [at, setAt] = useState<number | null>(null);

  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current, null, { renderer: "svg" });
    made.group = group;
    connect(group);
    instance.current = made;
    const resize = new ResizeObserver(() => made.resize());
    resize.observe(box.current);
    made.on("updateAxisPointer", (event) => setAt(pointerIndex(event)));
    made.on("globalout", () => setAt(null));
    return () => {
      resize.disconnect();
      made.dispose();
      instance.current = null;
    };
  }, [group]);

  // Only when the data or the look change: a redraw on every move of the cursor would wipe the cursor.
  useEffect(() => {
    const option = timeSeriesOption({ times, step, series, stacked, bars, format: axis ?? format, scheme });
    instance.current?.setOption(option, { replaceMerge: ["series"] });
  }, [times, step, series, stacked, bars, axis, format, scheme]);

  const time = at === null ? undefined : times[at];
  return (
    <section className={`card ${classes.root}`} aria-label={title}>
      <div className={classes.head}>
        <h2 className={classes.title}>{title}</h2>
        <span className={classes.when}>{time === undefined ? "" : formatMinute(time)}</span>
      </div>
      <ul className={classes.legend}>
        {series.map((one) => (
          <li key={one.name}>
            <span className={classes.swatch} style={{ background: SERIES_COLORS[scheme][one.name] }} />
            {SERIES_LABELS[one.name]}
            <b>{time !== undefined && at !== null ? format(one.values[at] ?? null) : (rest?.(one) ?? "")}</b>
          </li>
        ))}
      </ul>
      <div ref={box} className={classes.plot} role="img" aria-label={`${title} over time`} />
    </section>
  );
}

/** Which step the cursor is on; null when it has left. */
function pointerIndex(event: unknown): number | null {
  const { axesInfo, dataIndex } = event as { axesInfo?: unknown[]; dataIndex?: number };
  return axesInfo?.length && dataIndex !== undefined ? dataIndex : null;
}
