/** What was spent since the window began, the limits above it, and where it leads. */

import { useComputedColorScheme } from "@mantine/core";
import { LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef, useState } from "react";
import type { BudgetUse, SpendLine } from "@/api/types";
import { formatMinute, formatMoney } from "@/lib/format";
import { SERIES_COLORS, SERIES_LABELS, type SeriesName } from "@/lib/series";
import classes from "../limits.module.css";
import { burnDownOption } from "./burn-down-option";

use([LineChart, GridComponent, TooltipComponent, SVGRenderer]);

export function BurnDown({ budget, line }: { budget: BudgetUse; line: SpendLine }) {
  const scheme = useComputedColorScheme("light");
  const box = useRef<HTMLDivElement>(null);
  const instance = useRef<EChartsType | null>(null);
  const [at, setAt] = useState<number | null>(null);
  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current, null, { renderer: "svg" });
    instance.current = made;
    const resize = new ResizeObserver(() => made.resize());
    resize.observe(box.current);
    made.on("updateAxisPointer", (event) => {
      const { axesInfo } = event as { axesInfo?: { value?: number }[] };
      setAt(axesInfo?.[0]?.value ?? null);
    });
    made.on("globalout", () => setAt(null));
    return () => {
      resize.disconnect();
      made.dispose();
      instance.current = null;
    };
  }, []);
  useEffect(() => {
    instance.current?.setOption(burnDownOption(budget, line, scheme), { replaceMerge: ["series"] });
  }, [budget, line, scheme]);
  const point = at === null ? line.series.at(-1) : line.series.findLast((one) => one.t / 1000 <= at);
  const legend: [SeriesName, string][] = [
    ["cost", formatMoney(point?.total ?? 0)],
    ["forecast", formatMoney(line.forecast.expected)],
  ];
  if (budget.soft !== null) legend.push(["soft", formatMoney(budget.soft)]);
  if (budget.hard !== null) legend.push(["hard", formatMoney(budget.hard)]);
  return (
    <div className={classes.chart}>
      <ul className={classes.legend}>
        {legend.map(([name, value]) => (
          <li key={name}>
            <span className={classes.swatch} style={{ background: SERIES_COLORS[scheme][name] }} />
            {name === "cost" ? "spent" : SERIES_LABELS[name]} <b>{value}</b>
          </li>
        ))}
        <li className="faint">{point && at !== null ? formatMinute(point.t) : ""}</li>
      </ul>
      <div ref={box} className={classes.plot} role="img" aria-label={`Spending in this ${budget.window}`} />
    </div>
  );
}
