import type { CacheUse } from "@/api/types";
import { formatBytes, formatCompact, formatMoney, formatPercent } from "@/lib/format";
import classes from "./cache.module.css";

/** What the cache answered in the time range, and what it holds now. */
export function Tiles({ use }: { use: CacheUse }) {
  const { totals, live } = use;
  const tiles: [label: string, value: string, note: string][] = [
    ["Hit rate", formatPercent(totals.hit_rate), `of ${formatCompact(totals.asked)} calls that asked`],
    ["Hits", formatCompact(totals.hits), "an answer given again"],
    ["Joined", formatCompact(totals.joined), "with an identical call in flight"],
    [
      "Saved",
      formatMoney(totals.saved),
      totals.saved_unknown
        ? `+ ${formatCompact(totals.saved_unknown)} of unknown cost`
        : "at the price of the first answer",
    ],
    [
      "Held now",
      formatCompact(live.entries),
      `${formatBytes(live.bytes)}, ${live.shared ? "in Redis" : `in ${live.workers} ${live.workers === 1 ? "worker" : "workers"}`}`,
    ],
  ];
  return (
    <dl className={`card ${classes.tiles}`}>
      {tiles.map(([label, value, note]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
          <dd className={classes.note}>{note}</dd>
        </div>
      ))}
    </dl>
  );
}
