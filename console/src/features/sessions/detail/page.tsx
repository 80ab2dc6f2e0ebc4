/** One session: what was said in it, call by call, and what it took. */

import { ActionIcon, Button, Skeleton } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { getRouteApi, Link, useCanGoBack, useNavigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import type { ActivityView, TraceRow } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { EraseButton } from "@/components/erase";
import { Fact, Facts } from "@/components/facts";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { spanQuery } from "@/features/traces/detail/use-trace";
import { formatCount, formatDuration, formatMoney, formatTime } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { termOf } from "@/lib/query-text";
import { useSignedIn } from "@/lib/session";
import { thread } from "@/lib/thread";
import { useSession } from "../queries";
import { CallTurn } from "./call-turn";
import classes from "./session.module.css";

const route = getRouteApi("/app/sessions/$session");
/** Calls that are shown before one asks for more. */
const STEP = 20;

export function SessionPage() {
  const { session } = route.useParams();
  const { data, error, refetch } = useSession(session);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div role="status" aria-label="Loading the session">
        <Skeleton height={70} mb={12} />
        <Skeleton height={320} />
      </div>
    );
  return <SessionBody key={session} view={data} />;
}

function SessionBody({ view: { of, rows } }: { view: ActivityView }) {
  const router = useRouter();
  const navigate = useNavigate();
  const canGoBack = useCanGoBack();
  const back = () => {
    if (canGoBack) router.history.back();
    else void navigate({ to: "/sessions", search: {} });
  };
  useKeys({ escape: back });
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <div className={classes.titleLine}>
          <ActionIcon variant="subtle" color="gray" aria-label="Back to the list" onClick={back}>
            <Icon name="back" />
          </ActionIcon>
          <h2 className={classes.title}>{of.id}</h2>
          <CopyIcon text={of.id} label="Copy the session's id" />
          <span className={classes.push} />
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              void navigate({ to: "/traces", search: { q: termOf("session", of.id), range: "30d" } })
            }
          >
            Its calls as a list
          </Button>
          <EraseButton what="session" id={of.id} calls={of.calls} />
        </div>
        <div className={classes.facts}>
          <Facts>
            <Fact label="First call">{formatTime(of.first)}</Fact>
            <Fact label="Length">{formatDuration(of.last - of.first)}</Fact>
            <Fact label="Calls">{formatCount(of.calls)}</Fact>
            <Fact label="Errors">
              <span className={of.errors ? "bad" : undefined}>{formatCount(of.errors)}</span>
            </Fact>
            <Fact label="Tokens">{formatCount(of.tokens)}</Fact>
            <Fact label="Cost">{formatMoney(of.cost)}</Fact>
            {of.other && (
              <Fact label="User">
                <Link to="/users/$user" params={{ user: of.other }} search={{}} title={of.other}>
                  {of.other.slice(0, 12)}
                </Link>
              </Fact>
            )}
          </Facts>
        </div>
      </header>
      {rows.length < of.calls && <p className="dim">The newest {formatCount(rows.length)} of its calls.</p>}
      <Timeline rows={rows} />
    </div>
  );
}

/** Calls in order. Each shows what it brings: what earlier ones had said already is left out. */
function Timeline({ rows }: { rows: readonly TraceRow[] }) {
  const { project } = useSignedIn();
  const [count, setCount] = useState(STEP);
  const shown = rows.slice(0, count);
  const spans = useQueries({
    queries: shown.map((row) => spanQuery(project.id, row.trace_id, row.span_id)),
  });
  const loaded = spans.map((one) => one.data);
  const known = loaded.filter((one) => one !== undefined);
  const turns = new Map(thread(known).map((turn) => [`${turn.span.trace_id}/${turn.span.span_id}`, turn]));
  return (
    <ol className={classes.timeline} aria-label="Calls of the session">
      {shown.map((row, index) => (
        <CallTurn
          key={`${row.trace_id}/${row.span_id}`}
          row={row}
          before={shown[index - 1]}
          turn={turns.get(`${row.trace_id}/${row.span_id}`)}
          error={spans[index]?.error ?? null}
        />
      ))}
      {rows.length > count && (
        <li>
          <Button size="xs" variant="default" onClick={() => setCount(count + STEP)}>
            Show more: {rows.length - count} of {rows.length} calls are left
          </Button>
        </li>
      )}
    </ol>
  );
}
