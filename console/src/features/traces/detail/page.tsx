import { Skeleton } from "@mantine/core";
import { getRouteApi, useCanGoBack, useNavigate, useRouter } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { Trace } from "@/api/types";
import { Failure } from "@/components/failure";
import { mainSpan } from "@/lib/span-tree";
import type { TraceSearch } from "../search";
import classes from "./detail.module.css";
import { TraceHeader } from "./header";
import { SpanPanel } from "./span-panel";
import { ThreadView } from "./thread-view";
import { useSpanTree } from "./use-span-tree";
import { useTrace } from "./use-trace";
import { Waterfall } from "./waterfall";

const route = getRouteApi("/app/traces/$traceId");
// With the library that lays graphs out, which no other view needs.
const GraphView = lazy(() => import("./graph-view").then((module) => ({ default: module.GraphView })));

export function TracePage() {
  const { traceId } = route.useParams();
  const { data, error, refetch } = useTrace(traceId);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  return <TraceBody key={traceId} trace={data} />;
}

function TraceBody({ trace }: { trace: Trace }) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const router = useRouter();
  const canGoBack = useCanGoBack();
  const single = trace.spans.length === 1;
  const view = single ? "spans" : (search.view ?? "spans");
  const selected = trace.spans.find((span) => span.span_id === search.span) ?? mainSpan(trace.spans);
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
  const tree = useSpanTree(trace.spans, selected, select, back);
  return (
    <div className={classes.page}>
      <TraceHeader
        trace={trace}
        selected={selected}
        view={view}
        onView={(next) => change({ view: next === "spans" ? undefined : next })}
        onBack={back}
      />
      <div className={classes.split} data-single={single || undefined} data-view={view}>
        {view === "spans" && (
          <Waterfall {...tree} spans={trace.spans} selected={selected?.span_id} onSelect={select} />
        )}
        {view === "thread" && <ThreadView trace={trace} selected={selected?.span_id} onSelect={select} />}
        {view === "graph" && (
          <Suspense fallback={<Skeleton height={260} />}>
            <GraphView spans={trace.spans} selected={selected?.span_id} onSelect={select} />
          </Suspense>
        )}
        {selected && (
          <SpanPanel
            trace={trace}
            span={selected}
            tab={search.tab ?? (view === "thread" ? "details" : "conversation")}
            onTab={(tab) => change({ tab: tab === "conversation" && view !== "thread" ? undefined : tab })}
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
