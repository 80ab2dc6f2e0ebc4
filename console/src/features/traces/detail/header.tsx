import { ActionIcon } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { SpanRecord, Trace } from "@/api/types";
import { CopyButton, CopyIcon } from "@/components/copy";
import { Icon } from "@/components/icons";
import { StatusMark } from "@/components/status";
import { canRepeat, curlOf } from "@/lib/curl";
import { formatCount, formatDuration, formatMoney, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./detail.module.css";

interface TraceHeaderProps {
  trace: Trace;
  selected: SpanRecord | undefined;
  onBack: () => void;
}

export function TraceHeader({ trace, selected, onBack }: TraceHeaderProps) {
  const { gatewayUrl } = useSignedIn();
  const call = trace.spans.find((span) => span.call) ?? trace.spans[0];
  if (!call) return null;
  // The call whose request is copied: the selected one, or the one it is an attempt of.
  const repeatable = selected?.call ? selected : call;
  return (
    <header className={classes.header}>
      <div className={classes.titleLine}>
        <ActionIcon variant="subtle" color="gray" aria-label="Back to the list" onClick={onBack}>
          <Icon name="back" />
        </ActionIcon>
        <h2 className={classes.title}>{call.name}</h2>
        <StatusMark status={call.status} detail={call.error_type ?? undefined} />
        <span className={classes.push} />
        {canRepeat(repeatable.operation) && (
          <CopyButton label="Copy as curl" text={() => curlOf(repeatable, gatewayUrl)} />
        )}
        <span className={classes.wide}>
          <CopyButton label="Copy link" text={() => window.location.href} />
        </span>
      </div>
      <dl className={classes.facts}>
        <Fact label="Started">{formatTime(call.started)}</Fact>
        <Fact label="Duration">{formatDuration(trace.totals.duration)}</Fact>
        {call.ttft !== null && call.ttft !== undefined && (
          <Fact label="First token">{formatDuration(call.ttft)}</Fact>
        )}
        <Fact label="Model">{call.served_model ?? call.requested_model ?? "unknown"}</Fact>
        <Fact label="Tokens">
          {trace.totals.usage.estimated ? "≈ " : ""}
          {formatCount(trace.totals.usage.total)}
        </Fact>
        <Fact label="Cost">{formatMoney(trace.totals.cost)}</Fact>
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
        {call.session && (
          <Fact label="Session">
            <Link to="/traces" search={{ filter: [`session:eq:${call.session}`] }}>
              {call.session}
            </Link>
          </Fact>
        )}
        <Fact label="Trace">
          <span className="mono" title={trace.trace_id}>
            {trace.trace_id.slice(0, 12)}…
          </span>
          <CopyIcon text={trace.trace_id} label="Copy the trace id" />
        </Fact>
      </dl>
    </header>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={classes.fact}>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
