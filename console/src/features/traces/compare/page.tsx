/** Two traces beside each other: structure, time, tokens, cost, and what was said. */

import { Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Trace } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { StatusMark } from "@/components/status";
import { formatCount, formatDuration, formatMoney, formatTime } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { rootOf } from "@/lib/span-tree";
import { diffTraces } from "@/lib/trace-diff";
import { useTrace } from "../detail/use-trace";
import type { CompareSearch } from "../search";
import classes from "./compare.module.css";
import { Delta } from "./delta";
import { CompareRows } from "./rows";
import { SpanTexts } from "./span-texts";

const route = getRouteApi("/app/traces/compare");

export function ComparePage() {
  const { a, b } = route.useSearch();
  if (!a || !b)
    return (
      <Empty title="Two traces are needed." icon="compare">
        <p>
          Select two rows of{" "}
          <Link to="/traces" search={{}}>
            Traces
          </Link>{" "}
          and compare them.
        </p>
      </Empty>
    );
  return <Loaded a={a} b={b} />;
}

function Loaded({ a, b }: { a: string; b: string }) {
  const left = useTrace(a);
  const right = useTrace(b);
  const failed = [left, right].find((one) => !one.data && one.error);
  if (failed) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  if (!left.data || !right.data)
    return (
      <div className={classes.page} role="status" aria-label="Loading the traces">
        <Skeleton height={90} />
        <Skeleton height={360} />
      </div>
    );
  return <Compared left={left.data} right={right.data} />;
}

function Compared({ left, right }: { left: Trace; right: Trace }) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const rows = useMemo(() => diffTraces(left.spans, right.spans), [left, right]);
  const found = rows.findIndex((row) =>
    [row.left?.span_id, row.right?.span_id].includes(search.span ?? "none"),
  );
  const at = Math.max(0, found);
  const select = (index: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    const span = row?.left?.span_id ?? row?.right?.span_id;
    void navigate({
      to: "/traces/compare",
      search: (before: CompareSearch) => ({ ...before, span }),
      replace: true,
    } as never);
  };
  useKeys({
    j: () => select(at + 1),
    k: () => select(at - 1),
    arrowdown: () => select(at + 1),
    arrowup: () => select(at - 1),
  });
  const chosen = rows[at];
  return (
    <div className={classes.page}>
      <div className={classes.heads}>
        <Head trace={left} side="A" />
        <Head trace={right} side="B" than={left} />
      </div>
      <div className={classes.split}>
        <CompareRows rows={rows} at={at} onSelect={select} />
        {chosen && <SpanTexts left={left} right={right} row={chosen} />}
      </div>
    </div>
  );
}

function Head({ trace, side, than }: { trace: Trace; side: string; than?: Trace }) {
  const root = rootOf(trace.spans);
  if (!root) return null;
  return (
    <section className={`card ${classes.head}`} aria-label={`Trace ${side}`}>
      <div className={classes.title}>
        <b>{side}</b>
        <Link
          to="/traces/$traceId"
          params={{ traceId: trace.trace_id }}
          search={{}}
          className="cut"
          title={trace.trace_id}
        >
          {root.name}
        </Link>
        <StatusMark status={root.status} />
      </div>
      <dl className={classes.facts}>
        <div>
          <dt>Started</dt>
          <dd>{formatTime(root.started)}</dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>
            {formatDuration(trace.totals.duration)}
            <Delta value={trace.totals.duration} than={than?.totals.duration} />
          </dd>
        </div>
        <div>
          <dt>Spans</dt>
          <dd>
            {formatCount(trace.spans.length)}
            <Delta value={trace.spans.length} than={than?.spans.length} />
          </dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd>
            {formatCount(trace.totals.usage.total)}
            <Delta value={trace.totals.usage.total} than={than?.totals.usage.total} />
          </dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd>
            {formatMoney(trace.totals.cost)}
            <Delta value={trace.totals.cost} than={than?.totals.cost} />
          </dd>
        </div>
      </dl>
    </section>
  );
}
