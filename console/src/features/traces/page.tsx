import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useState } from "react";
import { Failure } from "@/components/failure";
import { useKeys } from "@/lib/keys";
import { FilterBar } from "./filter-bar";
import { NoRows } from "./no-rows";
import { useKeyNames, useTraceRows } from "./rows";
import type { TracesSearch } from "./search";
import { TraceTable } from "./table";
import classes from "./traces.module.css";

const route = getRouteApi("/app/traces");

export function TracesPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const names = useKeyNames();
  const [scrolled, setScrolled] = useState(false);
  const [cursor, setCursor] = useState<string | null>(null);
  const list = useTraceRows(search, scrolled || cursor !== null);
  const change = useCallback(
    (next: Partial<TracesSearch>) =>
      void navigate({ to: "/traces", search: (before) => ({ ...before, ...next }), replace: "q" in next }),
    [navigate],
  );
  const open = (traceId: string, spanId: string) =>
    void navigate({ to: "/traces/$traceId", params: { traceId }, search: { span: spanId } });

  const { rows } = list;
  const at = rows.findIndex((row) => row.span_id === cursor);
  const move = (step: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) setCursor(next.span_id);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    arrowdown: () => move(1),
    arrowup: () => move(-1),
    enter: () => {
      const row = rows[at];
      if (row) open(row.trace_id, row.span_id);
    },
    escape: () => {
      if (cursor) setCursor(null);
      else if (search.q || search.filter) change({ q: undefined, filter: undefined });
    },
  });
  const showNew = () => {
    setCursor(null);
    list.showWaiting();
  };

  return (
    <div className={classes.page}>
      <FilterBar search={search} names={names} onChange={change} />
      {list.error && !list.data ? (
        <Failure error={list.error} onRetry={() => void list.refetch()} />
      ) : (
        <TraceTable
          rows={rows}
          loading={list.isPending}
          search={search}
          names={names}
          cursor={cursor}
          waiting={list.waiting}
          hasMore={list.hasNextPage}
          loadingMore={list.isFetchingNextPage}
          moreError={list.isFetchNextPageError ? list.error : null}
          onMore={() => void list.fetchNextPage()}
          onShowNew={showNew}
          onScrolled={setScrolled}
          onChange={change}
          onOpen={open}
          empty={<NoRows search={search} onChange={change} />}
        />
      )}
    </div>
  );
}
