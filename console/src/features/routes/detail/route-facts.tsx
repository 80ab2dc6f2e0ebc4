import type { ReactNode } from "react";
import type { Definition, RouteStats } from "@/api/types";
import { SourceNote } from "@/components/definition/source-note";
import { formatCompact, formatCount, formatMoney, formatPercent, NOTHING } from "@/lib/format";
import { readRoute, sayStrategy } from "@/lib/strategy";
import { totalsOf } from "../queries";
import classes from "./detail.module.css";

type Fields = Record<string, unknown>;

/** What the route served in the time range, and the rules of it that the picture does not show. */
export function RouteFacts({ definition, stats }: { definition: Definition; stats: RouteStats | undefined }) {
  return (
    <div className={`card ${classes.facts}`}>
      {stats && <Totals stats={stats} />}
      <dl className={classes.rules}>
        {rulesOf(definition.definition).map(([label, text]) => (
          <Rule key={label} label={label}>
            {text}
          </Rule>
        ))}
        <Rule label="Written in">
          <SourceNote definition={definition} />
        </Rule>
        <Rule label="Serves">{definition.project === null ? "all projects" : "this project"}</Rule>
        {definition.version && (
          <Rule label="Version">
            <code>{definition.version}</code>
          </Rule>
        )}
      </dl>
    </div>
  );
}

function Rule({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Totals({ stats }: { stats: RouteStats }) {
  const totals = totalsOf(stats);
  const reused = stats.hits + stats.joined;
  const tiles: [string, string, string?][] = [
    ["Calls", formatCompact(stats.calls)],
    [
      "Error rate",
      stats.calls ? formatPercent(stats.errors / stats.calls) : NOTHING,
      stats.errors ? `${formatCompact(stats.errors)} failed` : undefined,
    ],
    ["Cost", formatMoney(totals.cost)],
    ["Retries", formatCount(stats.retries), "at the same variant"],
    ["Further attempts", formatCount(stats.further), "at another variant"],
    [
      "From the cache",
      stats.calls ? formatPercent(reused / stats.calls) : NOTHING,
      reused ? `saved ${formatMoney(stats.saved)}` : undefined,
    ],
  ];
  return (
    <dl className={classes.tiles}>
      {tiles.map(([label, value, note]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
          <dd className={classes.tileNote}>{note}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Retries, cache and what a spent budget does, in words; what is left at its default says so by absence. */
export function rulesOf(definition: Fields): [string, string][] {
  const rules: [string, string][] = [];
  const retries = definition.retries as Fields | undefined;
  if (retries) rules.push(["Retries", sayFields(retries)]);
  const cache = definition.cache as Fields | undefined;
  if (cache)
    rules.push(["Cache", `${cache.ttl ?? "on"}, shared within the ${String(cache.scope ?? "project")}`]);
  const budget = definition.on_budget as Fields | undefined;
  for (const level of ["soft", "hard"] as const) {
    const text = sayDegradation(budget?.[level]);
    if (text) rules.push([`At the ${level} budget`, text]);
  }
  return rules;
}

function sayFields(fields: Fields): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}

function sayDegradation(said: unknown): string | null {
  if (typeof said === "string") return said;
  if (typeof said !== "object" || said === null) return null;
  const { use, max_output_tokens, answer } = said as Fields;
  if (use !== undefined) return `use ${sayStrategy(readRoute({ strategy: use }).root)}`;
  if (max_output_tokens !== undefined) return `answers of at most ${max_output_tokens} tokens`;
  return answer === undefined ? null : `answer “${String(answer)}”`;
}
