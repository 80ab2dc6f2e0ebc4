/** The columns that lists of sessions and of users share: how much, how well, when. */

import type { Activity } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import {
  formatAgo,
  formatCompact,
  formatCount,
  formatDuration,
  formatMoney,
  formatMoneyRow,
  formatTime,
} from "@/lib/format";
import type { RowColumn } from "./rows/columns";
import classes from "./rows/rows.module.css";

export function activityColumns(): RowColumn<Activity>[] {
  return [
    {
      id: "last",
      label: "Last seen",
      width: 110,
      sort: "last",
      cell: (row) => <time title={formatTime(row.last)}>{formatAgo(row.last, nowMicroseconds())}</time>,
    },
    {
      id: "first",
      label: "First seen",
      width: 110,
      sort: "first",
      cell: (row) => <time title={formatTime(row.first)}>{formatAgo(row.first, nowMicroseconds())}</time>,
    },
    {
      id: "calls",
      label: "Calls",
      width: 84,
      numeric: true,
      sort: "calls",
      cell: (row) => formatCount(row.calls),
    },
    {
      id: "errors",
      label: "Errors",
      width: 84,
      numeric: true,
      sort: "errors",
      cell: (row) => <span className={row.errors ? "bad" : "faint"}>{formatCount(row.errors)}</span>,
    },
    {
      id: "tokens",
      label: "Tokens",
      width: 90,
      numeric: true,
      sort: "tokens",
      cell: (row) => <span title={formatCount(row.tokens)}>{formatCompact(row.tokens)}</span>,
    },
    {
      id: "cost",
      label: "Cost",
      width: 110,
      numeric: true,
      sort: "cost",
      cell: (row) => (
        <span className={row.cost === null ? "faint" : undefined} title={formatMoney(row.cost)}>
          {formatMoneyRow(row.cost)}
        </span>
      ),
    },
  ];
}

export function durationColumn(): RowColumn<Activity> {
  return {
    id: "length",
    label: "Length",
    width: 90,
    numeric: true,
    cell: (row) => formatDuration(row.last - row.first),
  };
}

/** The same in two short lines, for a phone. */
export function CompactActivity({ name, row }: { name: string; row: Activity }) {
  return (
    <>
      <span className={classes.compactLine}>
        <b className="cut">{name}</b>
        <span className={classes.compactPush} />
        <span className="faint">{formatAgo(row.last, nowMicroseconds())}</span>
      </span>
      <span className={`${classes.compactLine} dim`}>
        <span>
          {formatCompact(row.calls)} {row.calls === 1 ? "call" : "calls"}
        </span>
        <span className={row.errors ? "bad" : undefined}>
          {formatCompact(row.errors)} {row.errors === 1 ? "error" : "errors"}
        </span>
        <span>{formatCompact(row.tokens)} tokens</span>
        <span>{formatMoneyRow(row.cost)}</span>
      </span>
    </>
  );
}
