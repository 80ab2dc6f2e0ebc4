import type { CacheUse } from "@/api/types";
import { TimeChart } from "@/components/time-chart";
import type { SeriesData } from "@/lib/chart-theme";
import { formatCompact, formatCount, formatMoney, formatMoneyShort } from "@/lib/format";
import classes from "./cache.module.css";

const GROUP = "cache";

export function CacheCharts({ use }: { use: CacheUse }) {
  const { series, step, totals } = use;
  const times = series.map((point) => point.t);
  const shared = { times, step, group: GROUP, bars: true };
  const pick = (...names: ("hits" | "joined" | "misses" | "saved")[]): SeriesData[] =>
    names.map((name) => ({ name, values: series.map((point) => point[name]) }));
  return (
    <div className={classes.charts}>
      <TimeChart
        {...shared}
        title="Calls that asked"
        series={pick("hits", "joined", "misses")}
        format={formatCount}
        axis={formatCompact}
        rest={(one) => formatCompact(totals[one.name as "hits"])}
      />
      <TimeChart
        {...shared}
        title="Savings"
        series={pick("saved")}
        format={formatMoney}
        axis={formatMoneyShort}
        rest={() => formatMoney(totals.saved)}
      />
    </div>
  );
}
