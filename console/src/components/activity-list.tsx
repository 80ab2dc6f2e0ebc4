/** A page that lists who or what was active: a filter, and rows that sort. */

import type { ReactNode } from "react";
import type { Activity } from "@/api/types";
import { CompactActivity } from "./activity-columns";
import { Empty } from "./empty";
import { Failure } from "./failure";
import { faultOf } from "./query-field/fault";
import { QueryField } from "./query-field/query-field";
import type { RowColumn } from "./rows/columns";
import classes from "./rows/rows.module.css";
import { RowsTable } from "./rows/rows-table";
import { useCursor } from "./rows/use-cursor";

interface Pages {
  data: { pages: { items: Activity[] }[] } | undefined;
  error: Error | null;
  isPending: boolean;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  fetchNextPage: () => unknown;
  refetch: () => unknown;
}

interface ActivityListProps {
  /** `Sessions`. */
  label: string;
  list: Pages;
  columns: readonly RowColumn<Activity>[];
  q: string | undefined;
  sort: string;
  onChange: (next: { q?: string | undefined; sort?: string | undefined }) => void;
  onOpen: (row: Activity) => void;
  empty: ReactNode;
}

const idOf = (row: Activity) => row.id;

export function ActivityList(props: ActivityListProps) {
  const { label, list, onChange } = props;
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const cursor = useCursor(rows, idOf, props.onOpen, {
    onEscape: () => props.q && onChange({ q: undefined }),
  });
  const error = list.isFetchNextPageError ? null : list.error;
  const fault = faultOf(error);
  const things = label.toLowerCase();
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <QueryField
          value={props.q}
          onChange={(q) => onChange({ q })}
          fault={fault}
          label={`Filter ${things}`}
          placeholder={`Filter ${things} by their calls: status:error route:support cost>0.01`}
          pageSearch
        />
      </div>
      {error && !fault && !list.data ? (
        <Failure error={error} onRetry={() => void list.refetch()} />
      ) : (
        <RowsTable
          label={label}
          rows={fault ? [] : rows}
          columns={props.columns}
          keyOf={idOf}
          onOpen={props.onOpen}
          loading={list.isPending}
          cursor={cursor.key}
          sort={props.sort}
          // The API lists those with the most first, and no other way.
          onSort={(sort) => onChange({ sort: sort?.startsWith("-") ? sort : undefined })}
          more={{
            has: list.hasNextPage,
            loading: list.isFetchingNextPage,
            error: list.isFetchNextPageError ? list.error : null,
            load: () => void list.fetchNextPage(),
            words: { loading: `Loading more ${things}…`, end: `No more ${things} in this time range.` },
          }}
          compactHeight={52}
          compact={(row) => <CompactActivity name={row.id} row={row} />}
          empty={fault ? <Empty title="The filter cannot be read." icon="search" /> : props.empty}
        />
      )}
    </div>
  );
}
