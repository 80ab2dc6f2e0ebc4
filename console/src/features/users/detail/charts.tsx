import type { MetricResult } from "@/api/types";
import { TimeChart } from "@/components/time-chart";
import { formatCompact, formatCount, formatMoney } from "@/lib/format";
import { useMetricOf } from "../queries";
import classes from "./user.module.css";

const GROUP = "user";

/** Spending and calls over the time range. */
export function UserCharts({ user }: { user: string }) {
  const cost = useMetricOf(user, { aggregation: "sum", field: "cost" });
  const calls = useMetricOf(user, { aggregation: "count" });
  const errors = useMetricOf(user, { aggregation: "count", q: "status:(error, interrupted)" });
  const failed = valuesOf(errors.data);
  const all = valuesOf(calls.data);
  const money = valuesOf(cost.data);
  return (
    <div className={classes.charts}>
      <TimeChart
        group={GROUP}
        title="Cost"
        bars
        times={timesOf(cost.data)}
        step={cost.data?.step ?? 1}
        series={[{ name: "cost", values: money }]}
        format={formatMoney}
        axis={axisMoney}
        rest={() => formatMoney(cost.data?.series[0]?.total.value ?? null)}
      />
      <TimeChart
        group={GROUP}
        title="Calls"
        bars
        times={timesOf(calls.data)}
        step={calls.data?.step ?? 1}
        series={[
          { name: "calls", values: all.map((value, index) => (value ?? 0) - (failed[index] ?? 0)) },
          { name: "errors", values: all.map((_, index) => failed[index] ?? 0) },
        ]}
        format={formatCount}
        axis={formatCompact}
      />
    </div>
  );
}

function valuesOf(result: MetricResult | undefined): (number | null)[] {
  return result?.series[0]?.points.map((point) => point.value ?? null) ?? [];
}

function timesOf(result: MetricResult | undefined): number[] {
  return result?.series[0]?.points.map((point) => point.t) ?? [];
}

/** Dollars on an axis, short: `$0.002`, `$1.5`. */
function axisMoney(nano: number): string {
  return nano === 0 ? "$0" : `$${Number((nano / 1_000_000_000).toPrecision(3))}`;
}
