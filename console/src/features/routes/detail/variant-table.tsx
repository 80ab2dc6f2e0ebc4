import { Link } from "@tanstack/react-router";
import type { RouteStats, TargetHealth, VariantStat } from "@/api/types";
import { TargetMark } from "@/components/target-mark";
import { formatCompact, formatDuration, formatMoneyShort, formatPercent, NOTHING } from "@/lib/format";
import { configuredShares, type RouteShape, readVariant } from "@/lib/strategy";
import classes from "./detail.module.css";

interface VariantTableProps {
  route: string;
  shape: RouteShape;
  stats: RouteStats | undefined;
  health: ReadonlyMap<string, TargetHealth>;
}

/** Each variant: its models and their health, what it was meant to take, and what it did. */
export function VariantTable({ route, shape, stats, health }: VariantTableProps) {
  const meant = configuredShares(shape.root);
  const known = new Set(shape.variants.map((one) => one.name));
  const gone = (stats?.variants ?? []).filter((one) => !known.has(one.variant));
  const rows = [...shape.variants, ...gone.map((one) => readVariant(one.variant, { models: [] }))];
  return (
    <section className="card" aria-label="Variants">
      <div className="card-head">Variants</div>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Variant</th>
            <th scope="col">Models</th>
            <th scope="col">Meant</th>
            <th scope="col">Live</th>
            <th scope="col">Calls</th>
            <th scope="col">Attempts</th>
            <th scope="col">Failed</th>
            <th scope="col">p50</th>
            <th scope="col">p95</th>
            <th scope="col">TTFT p50</th>
            <th scope="col">Tokens</th>
            <th scope="col">Cost</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((variant) => (
            <tr key={variant.name}>
              <td data-label="Variant">
                <Link
                  to="/traces"
                  search={{ filter: [`route:eq:${route}`, `variant:eq:${variant.name}`] }}
                  title="Calls that it answered"
                >
                  {variant.name}
                </Link>
                {Object.keys(variant.parameters).length > 0 && (
                  <div className="faint">{sayParameters(variant.parameters)}</div>
                )}
              </td>
              <td data-label="Models">
                <div className={classes.models}>
                  {variant.models.map((model) => (
                    <TargetMark key={model} target={model} health={health.get(model)} />
                  ))}
                  {variant.models.length === 0 && <span className="faint">no longer of this route</span>}
                </div>
              </td>
              <td data-label="Meant">
                {formatPercent(meant.has(variant.name) ? meant.get(variant.name) : null)}
              </td>
              <Numbers stat={stats?.variants.find((one) => one.variant === variant.name)} />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function sayParameters(parameters: Record<string, unknown>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

function Numbers({ stat }: { stat: VariantStat | undefined }) {
  return (
    <>
      <td data-label="Live">{stat ? formatPercent(stat.share) : NOTHING}</td>
      <td data-label="Calls">{formatCompact(stat?.calls)}</td>
      <td data-label="Attempts">{formatCompact(stat?.attempts)}</td>
      <td data-label="Failed" className={stat?.errors ? "bad" : "faint"}>
        {stat?.attempts ? formatPercent(stat.errors / stat.attempts) : NOTHING}
      </td>
      <td data-label="p50">{formatDuration(stat?.p50)}</td>
      <td data-label="p95">{formatDuration(stat?.p95)}</td>
      <td data-label="TTFT p50">{formatDuration(stat?.ttft_p50)}</td>
      <td data-label="Tokens">{formatCompact(stat?.tokens)}</td>
      <td data-label="Cost">{stat?.attempts ? formatMoneyShort(stat.cost) : NOTHING}</td>
    </>
  );
}
