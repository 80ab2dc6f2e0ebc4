import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useCanGoBack, useNavigate, useRouter } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api, bodyOf } from "@/api/client";
import type { SpanRecord, Trace } from "@/api/types";
import { Failure } from "@/components/failure";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { flattenTree } from "@/lib/span-tree";
import type { TraceSearch } from "../search";
import classes from "./detail.module.css";
import { TraceHeader } from "./header";
import { SpanPanel } from "./span-panel";
import { Waterfall } from "./waterfall";

const route = getRouteApi("/app/traces/$traceId");

export function TracePage() {
  const { traceId } = route.useParams();
  const { project } = useSignedIn();
  const { data, error, refetch } = useQuery({
    queryKey: ["trace", project.id, traceId],
    queryFn: async ({ signal }) => {
      const params = { path: { trace_id: traceId }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/traces/{trace_id}", { params, signal }));
    },
  });
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  return <TraceBody trace={data} />;
}

/** The span that stands for the call; else the first. */
export function defaultSpan(spans: readonly SpanRecord[]): SpanRecord | undefined {
  return spans.find((span) => span.call) ?? spans[0];
}

function TraceBody({ trace }: { trace: Trace }) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => flattenTree(trace.spans, collapsed), [trace.spans, collapsed]);
  const selected = trace.spans.find((span) => span.span_id === search.span) ?? defaultSpan(trace.spans);
  const change = (next: TraceSearch) =>
    void navigate({
      to: ".",
      search: (before: TraceSearch) => ({ ...before, ...next }),
      replace: true,
    } as never);
  const select = (id: string) => change({ span: id });
  const back = () => {
    if (canGoBack) router.history.back();
    else void navigate({ to: "/traces", search: {} });
  };
  const move = (step: number) => {
    const at = rows.findIndex((row) => row.span.span_id === selected?.span_id);
    const next = rows[at + step];
    if (next) select(next.span.span_id);
  };
  const toggle = (id: string) =>
    setCollapsed((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    arrowdown: () => move(1),
    arrowup: () => move(-1),
    escape: back,
  });
  return (
    <div className={classes.page}>
      <TraceHeader trace={trace} selected={selected} onBack={back} />
      <div className={classes.split} data-single={trace.spans.length === 1 || undefined}>
        <Waterfall
          rows={rows}
          spans={trace.spans}
          selected={selected?.span_id}
          collapsed={collapsed}
          onSelect={select}
          onToggle={toggle}
        />
        {selected && (
          <SpanPanel
            span={selected}
            spans={trace.spans}
            tab={search.tab ?? "conversation"}
            onTab={(tab) => change({ tab: tab === "conversation" ? undefined : tab })}
            onSelect={select}
          />
        )}
      </div>
    </div>
  );
}

function Loading() {
  return (
    <div className={classes.page} role="status" aria-label="Loading the trace">
      <Skeleton height={54} />
      <div className={classes.split}>
        <Skeleton height={260} />
        <Skeleton height={420} />
      </div>
    </div>
  );
}
