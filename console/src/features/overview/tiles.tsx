import type { OverviewTotals } from "@/api/types";
import { changeOf, formatCompact, formatDuration, formatMoney, formatPercent } from "@/lib/format";
import classes from "./overview.module.css";

interface Tile {
  label: string;
  value: string;
  note?: string;
  change: number | null;
  /** Whether more of it is worse; a rise is then marked. */
  worseUp?: boolean;
  bad?: boolean;
}

export function tilesOf(totals: OverviewTotals, previous: OverviewTotals): Tile[] {
  const latency = (label: string, name: "p50" | "p95" | "p99"): Tile => ({
    label,
    value: formatDuration(totals[name]),
    change: changeOf(totals[name], previous[name]),
    worseUp: true,
  });
  return [
    { label: "Calls", value: formatCompact(totals.calls), change: changeOf(totals.calls, previous.calls) },
    {
      label: "Error rate",
      value: totals.calls ? formatPercent(totals.error_rate) : formatPercent(null),
      note: totals.errors ? `${formatCompact(totals.errors)} failed` : undefined,
      change: changeOf(totals.error_rate, previous.error_rate),
      worseUp: true,
      bad: totals.error_rate >= 0.05,
    },
    latency("Latency p50", "p50"),
    latency("p95", "p95"),
    latency("p99", "p99"),
    {
      label: "First token p50",
      value: formatDuration(totals.ttft_p50),
      change: changeOf(totals.ttft_p50, previous.ttft_p50),
      worseUp: true,
    },
    {
      label: "Tokens",
      value: formatCompact(totals.usage.total),
      change: changeOf(totals.usage.total, previous.usage.total),
    },
    {
      label: "Cost",
      value: formatMoney(totals.cost),
      note: totals.cost_unknown_calls ? `+ ${formatCompact(totals.cost_unknown_calls)} unknown` : undefined,
      // A sum with unknown parts does not compare.
      change: totals.cost_unknown_calls ? null : changeOf(totals.cost, previous.cost),
    },
  ];
}

export function Tiles({ totals, previous }: { totals: OverviewTotals; previous: OverviewTotals }) {
  return (
    <dl className={`card ${classes.tiles}`}>
      {tilesOf(totals, previous).map((tile) => (
        <div key={tile.label} className={classes.tile}>
          <dt>{tile.label}</dt>
          <dd className={tile.bad ? "bad" : undefined}>{tile.value}</dd>
          <dd className={classes.note}>
            <Change change={tile.change} worseUp={tile.worseUp} />
            {tile.note && <span>{tile.note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** `▲ 12%` against the window before of the same length. */
function Change({ change, worseUp }: { change: number | null; worseUp?: boolean }) {
  if (change === null) return null;
  const size = Math.abs(change);
  if (size < 0.005) return <span title="Against the window before">= 0%</span>;
  const text = size > 9.99 ? `${(size + (change > 0 ? 1 : 0)).toFixed(0)}×` : formatPercent(size);
  const worse = worseUp && change > 0.2;
  return (
    <span className={worse ? "warn" : undefined} title="Against the window before">
      {change > 0 ? "▲" : "▼"} {text}
    </span>
  );
}
