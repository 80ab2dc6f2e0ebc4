import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, bodyOf } from "@/api/client";
import type { TraceRow } from "@/api/types";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatDuration, formatMoneyShort, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./playground.module.css";

/** On every call of the playground. */
const TAGGED = "tags.penstock.playground:yes";
const NEWEST = 20;
const MONTH = 30 * 86_400_000_000;
const REFRESH_MS = 10_000;

/** The newest runs of everybody in the project, each to be opened again. */
export function History({ session }: { session: string }) {
  const { project } = useSignedIn();
  const { data, error, refetch } = useQuery({
    queryKey: ["playground", "history", project.id],
    queryFn: async ({ signal }) => {
      const to = nowMicroseconds();
      const query = { project: project.id, q: TAGGED, from: to - MONTH, limit: NEWEST };
      return bodyOf(await api.GET("/api/v1/traces", { params: { query }, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
  return (
    <section className="card" aria-label="History">
      <div className="card-head">
        History
        <span className={classes.push} />
        <Link to="/traces" search={{ q: TAGGED, range: "30d" }} style={{ fontWeight: 400 }}>
          All runs
        </Link>
      </div>
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && (
        <p className={watch.none}>Nothing was run in the last 30 days. Runs are recorded as any call.</p>
      )}
      <ul className={watch.list}>
        {data?.map((row) => (
          <Past key={row.trace_id} row={row} now={row.session === session} />
        ))}
      </ul>
    </section>
  );
}

function Past({ row, now }: { row: TraceRow; now: boolean }) {
  const { trace_id: trace } = row;
  return (
    <li>
      <time className={now ? undefined : "dim"} title={formatTime(row.started)}>
        {formatAgo(row.started, nowMicroseconds())}
        {now && " · now"}
      </time>
      <span className={watch.said}>
        <Link to="/traces/$traceId" params={{ traceId: trace }} search={{}}>
          {row.requested_model ?? row.name}
        </Link>{" "}
        {row.status === "error" && <span className="bad">failed </span>}
        {row.input_preview}
      </span>
      <span className={watch.aside}>
        {formatMoneyShort(row.cost)} {formatDuration(row.duration)}
        <Link to="/playground" search={{ trace }}>
          Open
        </Link>
      </span>
    </li>
  );
}
