import { Link } from "@tanstack/react-router";
import type { Spender, SpendLine } from "@/api/types";
import { formatCompact, formatMoneyShort, formatPercent } from "@/lib/format";
import classes from "../limits.module.css";

const KINDS = [
  { field: "projects", title: "Projects", column: null },
  { field: "keys", title: "Keys", column: "key" },
  { field: "models", title: "Models", column: "model" },
  { field: "routes", title: "Routes", column: "route" },
  { field: "users", title: "End users", column: "user" },
] as const;

interface SpenderTablesProps {
  spenders: NonNullable<SpendLine["spenders"]>;
  /** What all of them spent together. */
  total: number;
}

/** Who spends most within one counter. */
export function SpenderTables({ spenders, total }: SpenderTablesProps) {
  return (
    <div className={classes.spenders}>
      {KINDS.filter(({ field }) => spenders[field].length > 0).map(({ field, title, column }) => (
        <table key={field} className={classes.spenderTable}>
          <thead>
            <tr>
              <th scope="col">{title}</th>
              <th scope="col">Calls</th>
              <th scope="col">Spent</th>
              <th scope="col">Share</th>
            </tr>
          </thead>
          <tbody>
            {spenders[field].map((one) => (
              <SpenderRow key={one.id} spender={one} column={column} total={total} />
            ))}
          </tbody>
        </table>
      ))}
    </div>
  );
}

function SpenderRow({ spender, column, total }: { spender: Spender; column: string | null; total: number }) {
  const name = spender.name || spender.id || "none";
  return (
    <tr>
      <td title={spender.id}>
        {column && spender.id ? (
          <Link to="/traces" search={{ filter: [`${column}:eq:${spender.id}`] }}>
            {name}
          </Link>
        ) : (
          name
        )}
      </td>
      <td>{formatCompact(spender.calls)}</td>
      <td>{formatMoneyShort(spender.cost)}</td>
      <td className="dim">{total ? formatPercent(spender.cost / total) : ""}</td>
    </tr>
  );
}
