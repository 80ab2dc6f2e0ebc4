import { Link } from "@tanstack/react-router";
import type { Overview, TopRow } from "@/api/types";
import { formatCompact, formatDuration, formatMoneyShort } from "@/lib/format";
import classes from "./overview.module.css";

export function TopTables({ top }: { top: Overview["top"] }) {
  return (
    <div className={classes.tops}>
      <TopTable
        title="Routes"
        rows={top.routes}
        column="route"
        none="No call named a route (an alias of penstock.yaml)."
      />
      <TopTable title="Models" rows={top.models} column="model" none="No model has answered yet." />
      <TopTable title="Keys" rows={top.keys} column="key" none="No key was used." />
    </div>
  );
}

interface TopTableProps {
  title: string;
  rows: readonly TopRow[];
  /** The trace filter that a row leads to. */
  column: string;
  none: string;
}

function TopTable({ title, rows, column, none }: TopTableProps) {
  const most = Math.max(1, ...rows.map((row) => row.calls));
  return (
    <section className="card">
      <div className="card-head">{title}</div>
      {rows.length === 0 ? (
        <p className={classes.none}>{none}</p>
      ) : (
        <table className={classes.top}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Calls</th>
              <th scope="col">Errors</th>
              <th scope="col">Tokens</th>
              <th scope="col">p95</th>
              <th scope="col">Cost</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, 8).map((row) => (
              <tr key={row.id ?? row.name}>
                <td>
                  <Link
                    to="/traces"
                    search={{ filter: [`${column}:eq:${row.id ?? row.name}`] }}
                    title={row.name}
                  >
                    {row.name}
                  </Link>
                  <span className={classes.share} style={{ width: `${(row.calls / most) * 100}%` }} />
                </td>
                <td>{formatCompact(row.calls)}</td>
                <td className={row.errors ? "bad" : "faint"}>{formatCompact(row.errors)}</td>
                <td>{formatCompact(row.tokens)}</td>
                <td>{formatDuration(row.p95)}</td>
                <td className={row.cost === null ? "faint" : undefined}>{formatMoneyShort(row.cost)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
