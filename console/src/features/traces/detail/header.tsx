import { ActionIcon, SegmentedControl } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { SpanRecord, Trace } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { Fact, Facts } from "@/components/facts";
import { Icon } from "@/components/icons";
import { StatusMark } from "@/components/status";
import { formatCount, formatDuration, formatMoney, formatTime } from "@/lib/format";
import { sayScore } from "@/lib/scores";
import { mainSpan, rootOf } from "@/lib/span-tree";
import { VIEWS, type View } from "../search";
import { CompareButton } from "./compare-button";
import { CopyMenu } from "./copy-menu";
import classes from "./detail.module.css";
import { PlaygroundButton } from "./playground-button";
import { useScores } from "./use-trace";

interface TraceHeaderProps {
  trace: Trace;
  selected: SpanRecord | undefined;
  view: View;
  onView: (view: View) => void;
  onBack: () => void;
}

const VIEW_LABELS: Record<View, string> = { spans: "Spans", thread: "Conversation", graph: "Graph" };

export function TraceHeader({ trace, selected, view, onView, onBack }: TraceHeaderProps) {
  const call = mainSpan(trace.spans);
  if (!call) return null;
  const root = rootOf(trace.spans) ?? call;
  const models = modelsOf(trace);
  return (
    <header className={classes.header}>
      <div className={classes.titleLine}>
        <ActionIcon variant="subtle" color="gray" aria-label="Back to the list" onClick={onBack}>
          <Icon name="back" />
        </ActionIcon>
        <h2 className={classes.title}>{root.name}</h2>
        <StatusMark status={root.status} detail={root.error_type ?? undefined} />
        <span className={classes.push} />
        {trace.spans.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label="View"
            value={view}
            onChange={(value) => onView(value as View)}
            data={VIEWS.map((one) => ({ value: one, label: VIEW_LABELS[one] }))}
          />
        )}
        <PlaygroundButton trace={trace} spans={[selected, call]} />
        <CompareButton traceId={trace.trace_id} />
        <CopyMenu trace={trace} selected={selected ?? call} call={call} />
      </div>
      <div className={classes.facts}>
        <Facts>
          <Fact label="Started">{formatTime(root.started)}</Fact>
          <Fact label="Duration">{formatDuration(trace.totals.duration)}</Fact>
          {call.ttft !== null && call.ttft !== undefined && (
            <Fact label="First token">{formatDuration(call.ttft)}</Fact>
          )}
          {models && <Fact label="Model">{models}</Fact>}
          <Fact label="Tokens">
            {trace.totals.usage.estimated ? "≈ " : ""}
            {formatCount(trace.totals.usage.total)}
          </Fact>
          <Fact label="Cost">{formatMoney(trace.totals.cost)}</Fact>
          <Origin call={call} root={root} />
          <Scores trace={trace} />
          <Fact label="Trace">
            <span className="mono" title={trace.trace_id}>
              {trace.trace_id.slice(0, 12)}…
            </span>
            <CopyIcon text={trace.trace_id} label="Copy the trace id" />
          </Fact>
        </Facts>
      </div>
    </header>
  );
}

/** Which service, route, session, user and cache it is of. */
function Origin({ call, root }: { call: SpanRecord; root: SpanRecord }) {
  const session = root.session ?? call.session;
  const user = root.user ?? call.user;
  return (
    <>
      {root.service && <Fact label="Service">{root.service}</Fact>}
      {(call.cache === "hit" || call.cache === "joined") && (
        <Fact label="Cache">
          {call.cache}, saved {formatMoney(call.saved)}
        </Fact>
      )}
      {call.route && (
        <Fact label="Route">
          <Link to="/routes/$name" params={{ name: call.route }} search={{}}>
            {call.route}
          </Link>
          {call.variant && <span className="dim">→ {call.variant}</span>}
        </Fact>
      )}
      {session && (
        <Fact label="Session">
          <Link to="/sessions/$session" params={{ session }} search={{}} className={classes.shortFact}>
            {session}
          </Link>
        </Fact>
      )}
      {user && (
        <Fact label="User">
          <Link to="/users/$user" params={{ user }} search={{}} className={classes.shortFact} title={user}>
            {user.slice(0, 10)}
          </Link>
        </Fact>
      )}
    </>
  );
}

const MOST_SCORES = 4;

function Scores({ trace }: { trace: Trace }) {
  const scores = useScores(trace.trace_id);
  if (scores.length === 0) return null;
  const newest = scores.slice(0, MOST_SCORES);
  return (
    <Fact label={scores.length === 1 ? "Score" : "Scores"}>
      {newest.map((score) => (
        <span key={score.id} className={classes.scoreChip} title={score.comment ?? undefined}>
          {score.name} <b>{sayScore(score)}</b>
        </span>
      ))}
      {scores.length > MOST_SCORES && <span className="faint">+{scores.length - MOST_SCORES}</span>}
    </Fact>
  );
}

function modelsOf(trace: Trace): string | null {
  const names = new Set<string>();
  for (const span of trace.spans) {
    const name = span.covered ? null : (span.served_model ?? span.requested_model);
    if (name && span.kind !== "gateway") names.add(name);
  }
  const call = trace.spans.find((span) => span.call);
  const [first, ...others] = names;
  if (!first) return call?.served_model ?? call?.requested_model ?? null;
  return others.length ? `${first} and ${others.length} more` : first;
}
