import { useComputedColorScheme } from "@mantine/core";
import { useMemo } from "react";
import { Chart } from "@/components/chart";
import watch from "@/components/watch.module.css";
import { saySpan } from "@/features/alerts/words";
import { formatCount, formatMinute, formatPercent } from "@/lib/format";
import { BudgetMeter } from "./budget-meter";
import { budgetOption } from "./budget-option";
import classes from "./slos.module.css";
import type { SloStatus } from "./types";
import { sayObjective } from "./words";

/** The budget: what is left, how it went, when it ends. */
export function BudgetCard({ status }: { status: SloStatus }) {
  const scheme = useComputedColorScheme("light");
  const option = useMemo(() => budgetOption(status, scheme), [status, scheme]);
  return (
    <section className="card" aria-label="Error budget">
      <div className="card-head">Error budget</div>
      <div className={watch.pad}>
        <BudgetMeter status={status} />
        <p className={watch.lead}>
          {formatPercent(status.share)} of {formatCount(status.total)} calls were good;{" "}
          {sayObjective(status.objective)} are asked for.
          {status.exhausted_at &&
            ` At the rate of the last day the budget ends ${formatMinute(status.exhausted_at)}.`}
        </p>
      </div>
      <Chart
        option={option}
        label="What is left of the error budget over the period"
        className={watch.plot}
      />
    </section>
  );
}

export function BurnTable({ status }: { status: SloStatus }) {
  const rate = (value: number | null) => (value === null ? "–" : `×${value.toFixed(value < 10 ? 2 : 1)}`);
  return (
    <section className="card" aria-label="Burn rates">
      <div className="card-head">Burn rates</div>
      <div className={classes.scroll}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Tells at</th>
              <th scope="col">Long window</th>
              <th scope="col">Short window</th>
              <th scope="col">Bad</th>
              <th scope="col">Severity</th>
            </tr>
          </thead>
          <tbody>
            {status.burn_rates.map((one) => (
              <tr key={`${one.threshold} ${one.long}`} className={one.breached ? watch.grave : undefined}>
                <th scope="row">
                  ×{one.threshold}
                  {one.breached && " now"}
                </th>
                <td>
                  {rate(one.long_rate)} <span className="faint">{saySpan(one.long)}</span>
                </td>
                <td>
                  {rate(one.short_rate)} <span className="faint">{saySpan(one.short)}</span>
                </td>
                <td>{formatCount(one.bad)}</td>
                <td>{one.severity}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
