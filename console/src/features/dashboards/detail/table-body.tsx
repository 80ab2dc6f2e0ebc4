import { Link } from "@tanstack/react-router";
import { formatCount } from "@/lib/format";
import { allOf } from "@/lib/metrics";
import { nameOfGroup, tableOf } from "../chart-lines";
import classes from "./widget.module.css";
import type { BodyProps } from "./widget-body";

export function TableBody({ widget, data, filter, linked }: BodyProps) {
  const table = tableOf(widget, data);
  return (
    <div className={classes.tableBox}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">{table.heads.join(" / ")}</th>
            {table.columns.map((column) => (
              <th key={column} scope="col" className="number">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => {
            const name = nameOfGroup(row.labels) || "all";
            const search = { q: allOf(filter, row.q) || undefined, ...data.window, range: undefined };
            return (
              <tr key={name}>
                <th scope="row" className="cut" title={name}>
                  {linked ? (
                    <Link to="/traces" search={search as never}>
                      {name}
                    </Link>
                  ) : (
                    name
                  )}
                </th>
                {row.cells.map((cell, index) => (
                  <td key={table.columns[index]} className="number" title={cell.worth}>
                    {cell.text}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {table.hidden > 0 && <p className="faint">and {formatCount(table.hidden)} more</p>}
    </div>
  );
}
