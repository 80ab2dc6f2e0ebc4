import { Skeleton, useComputedColorScheme } from "@mantine/core";
import { useMemo } from "react";
import { Chart } from "@/components/chart";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { formatUnit } from "@/lib/metrics";
import { useBackTest } from "./queries";
import { nameOf, ruleOption, shownSeries } from "./rule-option";
import type { BackTest, RuleSpec } from "./types";
import { sayFirings } from "./words";

/** What a rule would have done over the last days, by the code that watches. */
export function RuleChart({ spec, days = 7 }: { spec: RuleSpec; days?: number }) {
  const { data, error, isFetching, refetch } = useBackTest(spec, days);
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={260} role="status" aria-label="Trying the rule on what was" />;
  return <Tested test={data} days={days} busy={isFetching} />;
}

function Tested({ test, days, busy }: { test: BackTest; days: number; busy: boolean }) {
  const scheme = useComputedColorScheme("light");
  const option = useMemo(() => ruleOption(test, scheme), [test, scheme]);
  const firings = test.series
    .flatMap((one) => one.firings.map((firing) => ({ ...firing, name: nameOf(one.labels) })))
    .sort((a, b) => b.fired - a.fired);
  const hidden = test.series.length - shownSeries(test).length;
  return (
    <section className="card" aria-label="The last days" aria-busy={busy}>
      <div className="card-head">
        The rule {sayFirings(test.firings, days)}
        {test.firings !== test.notifications && (
          <span className="faint">
            {test.notifications === 0 ? "telling nobody" : `telling somebody ${test.notifications} times`}
          </span>
        )}
      </div>
      {test.series.length === 0 ? (
        <p className={classes.none}>There was nothing of this kind in these days.</p>
      ) : (
        <Chart
          option={option}
          label="The watched value, and when the rule would have fired"
          className={classes.plot}
        />
      )}
      {hidden > 0 && <p className={classes.none}>and {hidden} more groups, not drawn.</p>}
      {firings.length > 0 && (
        <ul className={classes.list}>
          {firings.slice(0, 8).map((firing) => (
            <li key={`${firing.name} ${firing.fired}`}>
              <span className="dim">{formatMinute(firing.fired)}</span>
              <span>
                {firing.name === "value" ? "" : `${firing.name}: `}
                {formatUnit(firing.value, test.unit)} against {formatUnit(firing.threshold, test.unit)}
              </span>
              <span className="faint">
                {firing.resolved === null ? "fires still" : `until ${formatMinute(firing.resolved)}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
