import { useMediaQuery } from "@mantine/hooks";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import type { TraceRow } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { faultOf } from "@/components/query-field/fault";
import { visibleColumns } from "@/components/rows/columns";
import { RowsTable } from "@/components/rows/rows-table";
import { useCursor } from "@/components/rows/use-cursor";
import { rowKey } from "@/lib/live-rows";
import { usePreference } from "@/lib/preferences";
import type { RangeSearch } from "@/lib/time-range";
import { COLUMNS, CompactRow } from "./columns";
import { FacetPanel } from "./facet-panel";
import { Groups } from "./groups";
import { NoRows } from "./no-rows";
import { useKeyNames, useTraceRows } from "./rows";
import { type TracesSearch, USUAL_SORT } from "./search";
import { useSelection } from "./selection";
import { SelectionBar } from "./selection-bar";
import { Toolbar } from "./toolbar";
import classes from "./traces.module.css";

const route = getRouteApi("/app/traces");
const COMPACT_ROW = 66;

export function TracesPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const names = useKeyNames();
  const wide = useMediaQuery("(min-width: 1640px)") ?? false;
  const roomy = useMediaQuery("(min-width: 1500px)") ?? false;
  const [own, setOwn] = usePreference<string | null>("traces.columns", null);
  const [facets, setFacets] = usePreference<boolean | null>("traces.facets", null);
  const change = useCallback(
    (next: Partial<TracesSearch & RangeSearch>) =>
      void navigate({ to: "/traces", search: (before) => ({ ...before, ...next }) }),
    [navigate],
  );
  const shown = useMemo(() => visibleColumns(COLUMNS, search.cols ?? own, wide), [search.cols, own, wide]);
  const [error, setError] = useState<Error | null>(null);
  const facetsShown = facets ?? roomy;
  return (
    <div className={classes.page}>
      <Toolbar
        search={search}
        names={names}
        error={error}
        shown={shown}
        facets={facetsShown}
        onFacets={setFacets}
        onColumns={(chosen) => {
          setOwn(chosen);
          if (search.cols) change({ cols: undefined });
        }}
        onChange={change}
      />
      <div className={classes.body} data-facets={facetsShown || undefined}>
        {facetsShown && <FacetPanel search={search} names={names} onChange={change} />}
        {search.group ? (
          <Groups search={search} by={search.group.split(",").slice(0, 2)} names={names} onChange={change} />
        ) : (
          <List search={search} shown={shown} onChange={change} onError={setError} />
        )}
      </div>
    </div>
  );
}

interface ListProps {
  search: TracesSearch;
  shown: ReturnType<typeof visibleColumns<TraceRow>>;
  onChange: (next: Partial<TracesSearch>) => void;
  onError: (error: Error | null) => void;
}

function List({ search, shown, onChange, onError }: ListProps) {
  const navigate = useNavigate();
  const [scrolled, setScrolled] = useState(false);
  // New rows are held back while the reader is at one of these.
  const [reading, setReading] = useState(false);
  const list = useTraceRows(search, scrolled || reading);
  const { rows } = list;
  const keys = useMemo(() => rows.map(rowKey), [rows]);
  const ticked = useSelection(keys);
  const open = ({ trace_id, span_id }: TraceRow) =>
    void navigate({ to: "/traces/$traceId", params: { traceId: trace_id }, search: { span: span_id } });
  const cursor = useCursor(rows, rowKey, open, {
    onEscape: () => {
      if (ticked.keys.length) ticked.clear();
      else if (search.q || search.filter) onChange({ q: undefined, filter: undefined });
    },
    keys: { x: (row) => ticked.toggle(rowKey(row), false) },
  });
  const busy = cursor.key !== null || ticked.keys.length > 0;
  if (busy !== reading) setReading(busy);
  const error = list.error && !list.isFetchNextPageError ? list.error : null;
  useEffect(() => onError(error), [error, onError]);
  if (error && faultOf(error))
    return (
      <div className="card">
        <Empty title="The filter cannot be read." icon="search">
          <p>What is wrong stands under it. Correct it and press Enter.</p>
        </Empty>
      </div>
    );
  if (error && !list.data) return <Failure error={error} onRetry={() => void list.refetch()} />;
  const showNew = () => {
    cursor.clear();
    ticked.clear();
    list.showWaiting();
  };
  return (
    <div className={classes.list}>
      <SelectionBar ticked={ticked} />
      <RowsTable
        label="Calls"
        rows={rows}
        columns={shown}
        keyOf={rowKey}
        onOpen={open}
        loading={list.isPending}
        cursor={cursor.key}
        sort={search.sort ?? USUAL_SORT}
        onSort={(sort) => onChange({ sort: sort === USUAL_SORT ? undefined : sort })}
        selection={ticked}
        more={{
          has: list.hasNextPage,
          loading: list.isFetchingNextPage,
          error: list.isFetchNextPageError ? list.error : null,
          load: () => void list.fetchNextPage(),
          words: {
            loading: search.q ? "Searching on…" : "Loading more calls…",
            end: "No more calls in this time range.",
          },
        }}
        onScrolled={setScrolled}
        compact={(row) => <CompactRow row={row} />}
        compactHeight={COMPACT_ROW}
        pill={list.waiting > 0 && <NewRows count={list.waiting} onShow={showNew} />}
        empty={<NoRows search={search} onChange={onChange} />}
      />
    </div>
  );
}

function NewRows({ count, onShow }: { count: number; onShow: () => void }) {
  return (
    <button
      type="button"
      className={classes.pill}
      onClick={(event) => {
        onShow();
        event.currentTarget.parentElement?.querySelector('[role="table"]')?.scrollTo?.({ top: 0 });
      }}
    >
      <Icon name="up" size={12} /> {count} new
    </button>
  );
}
