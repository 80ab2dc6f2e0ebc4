import type { DatasetRow } from "../types";
import classes from "./create.module.css";

type Shown = Omit<Partial<DatasetRow>, "input"> & { input?: unknown };

/** The first rows as they would be saved. */
export function RowPreview({ rows, label = "First rows" }: { rows: readonly Shown[]; label?: string }) {
  return (
    <div className={classes.scroll}>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Input</th>
            <th scope="col">Reference</th>
            <th scope="col">Metadata</th>
            <th scope="col">Group</th>
            <th scope="col">Split</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 10).map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a preview have no identity but their place.
            <tr key={index}>
              <td>{cut(row.input)}</td>
              <td>{cut(row.reference)}</td>
              <td className="dim">{cut(row.metadata)}</td>
              <td className="dim">{row.group}</td>
              <td className="dim">{row.split}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const LONGEST = 240;

function cut(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text === "{}") return "";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
