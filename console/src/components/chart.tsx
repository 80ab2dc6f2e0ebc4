/** Any chart of ECharts on a page: sized by its box, redrawn when its option changes, told apart by a label. */

import { BarChart, HeatmapChart, LineChart } from "echarts/charts";
import {
  GridComponent,
  MarkAreaComponent,
  MarkLineComponent,
  MarkPointComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { connect, type EChartsType, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

use([
  BarChart,
  GridComponent,
  HeatmapChart,
  LineChart,
  MarkAreaComponent,
  MarkLineComponent,
  MarkPointComponent,
  SVGRenderer,
  TooltipComponent,
  VisualMapComponent,
]);

export type ChartOption = Record<string, unknown>;

/** Where on a chart: the value of its x axis (an index where that has categories), and of its y axis. */
export interface ChartPlace {
  x: number;
  y: number;
}

interface ChartProps {
  option: ChartOption;
  label: string;
  className: string | undefined;
  /** Charts of one group move their cursors together. */
  group?: string;
  /** The cursor's step, by its index; null when it has left. */
  onCursor?: (index: number | null) => void;
  onPick?: (place: ChartPlace) => void;
}

export function Chart({ option, label, className, group, onCursor, onPick }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const instance = useRef<EChartsType | null>(null);
  const handlers = useRef({ onCursor, onPick });
  handlers.current = { onCursor, onPick };
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current, null, { renderer: "svg" });
    if (group) {
      made.group = group;
      connect(group);
    }
    instance.current = made;
    const resize = new ResizeObserver(() => made.resize());
    resize.observe(box.current);
    made.on("updateAxisPointer", (event) => handlers.current.onCursor?.(cursorIndex(event)));
    made.on("globalout", () => handlers.current.onCursor?.(null));
    made.getZr().on("mousemove", ({ offsetX, offsetY }) => {
      const pointing = handlers.current.onPick && made.containPixel("grid", [offsetX, offsetY]);
      made.getZr().setCursorStyle(pointing ? "pointer" : "default");
    });
    made.getZr().on("click", ({ offsetX, offsetY }) => {
      const pixel = [offsetX, offsetY];
      if (!made.containPixel("grid", pixel)) return;
      const [x, y] = made.convertFromPixel("grid", pixel) as number[];
      if (x !== undefined && y !== undefined) handlers.current.onPick?.({ x, y });
    });
    return () => {
      resize.disconnect();
      made.dispose();
      instance.current = null;
    };
  }, [group]);
  useEffect(() => {
    instance.current?.setOption(option, { notMerge: true });
  }, [option]);
  return <div ref={box} className={className} role="img" aria-label={label} />;
}

function cursorIndex(event: unknown): number | null {
  const { axesInfo, dataIndex } = event as { axesInfo?: unknown[]; dataIndex?: number };
  return axesInfo?.length && dataIndex !== undefined ? dataIndex : null;
}
