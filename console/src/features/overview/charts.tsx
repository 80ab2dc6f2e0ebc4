import type { Overview, OverviewPoint } from "@/api/types";
import { TimeChart } from "@/components/time-chart";
import type { SeriesData } from "@/lib/chart-theme";
import { formatCompact, formatCount, formatDuration, formatMoney } from "@/lib/format";
import type { SeriesName } from "@/lib/series";
import classes from "./overview.module.css";

const GROUP = "overview";
const BUCKETS = ["input", "cache_read", "cache_write", "output", "reasoning"] as const;

/** Dollars on an axis, short: `$0.002`, `$1.5`. */
export function axisMoney(nano: number): string {
  if (nano === 0) return "$0";
  const dollars = nano / 1_000_000_000;
  return `$${dollars >= 1000 ? formatCompact(dollars) : Number(dollars.toPrecision(3))}`;
}

/** Durations on an axis, short: `0`, `5 s`, `250 ms`. */
export function axisDuration(us: number): string {
  return us === 0 ? "0" : formatDuration(us).replace(/\.0+ /, " ");
}

export function OverviewCharts({ overview }: { overview: Overview }) {
  const { series, step, totals } = overview;
  const times = series.map((point) => point.t);
  const pick = (...names: (SeriesName & keyof OverviewPoint)[]): SeriesData[] =>
    names.map((name) => ({ name, values: series.map((point) => point[name] ?? null) }));
  const shared = { times, step, group: GROUP };
  // Errors are part of the calls: stacked on the ones that went well, the bar's height is all calls.
  const calls: SeriesData[] = [
    { name: "calls", values: series.map((point) => point.calls - point.errors) },
    { name: "errors", values: series.map((point) => point.errors) },
  ];
  const sum = ({ values }: SeriesData) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  return (
    <div className={classes.charts}>
      <TimeChart
        {...shared}
        title="Calls"
        bars
        series={calls}
        format={formatCount}
        axis={formatCompact}
        rest={(one) => formatCompact(sum(one))}
      />
      <TimeChart
        {...shared}
        title="Latency"
        series={pick("p50", "p95", "p99")}
        format={formatDuration}
        axis={axisDuration}
        rest={(one) => formatDuration(totals[one.name as "p50"])}
      />
      <TimeChart
        {...shared}
        title="Time to first token"
        series={pick("ttft_p50", "ttft_p95")}
        format={formatDuration}
        axis={axisDuration}
        rest={(one) => formatDuration(totals[one.name as "ttft_p50"])}
      />
      <TimeChart
        {...shared}
        title="Tokens"
        stacked
        series={pick(...BUCKETS)}
        format={formatCount}
        axis={formatCompact}
        rest={(one) => formatCompact(sum(one))}
      />
      <TimeChart
        {...shared}
        title="Cost"
        bars
        series={pick("cost")}
        format={formatMoney}
        axis={axisMoney}
        rest={() => formatMoney(totals.cost)}
      />
    </div>
  );
}
