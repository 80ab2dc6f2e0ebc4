import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { CopyIcon } from "@/components/copy";
import { JsonView } from "@/components/json-view";
import { Markdown } from "@/components/markdown";
import { MessageView } from "@/components/messages/message-view";
import { TextDiff } from "@/features/traces/compare/text-diff";
import { formatCount, formatDuration, formatMoneyShort, NOTHING } from "@/lib/format";
import { conversationOf } from "@/lib/prompt-body";
import classes from "./playground.module.css";
import type { Run } from "./use-runs";

type Look = "read" | "raw" | "diff" | "sent";

const LOOKS: Record<Look, string> = { read: "Read", raw: "Text", diff: "Difference", sent: "What was sent" };

/** What came of a run, as it comes: text, tools, what it cost and took. */
export function Answer({ run, other }: { run: Run; other: Run | undefined }) {
  const [look, setLook] = useState<Look>("read");
  const comparable = other?.state === "done" && run.state === "done";
  const shown = look === "diff" && !comparable ? "read" : look;
  const looks = (Object.keys(LOOKS) as Look[]).filter((one) => one !== "diff" || comparable);
  return (
    <div className={classes.answer} aria-busy={run.state === "running"}>
      <Facts run={run} />
      <div className={classes.looks}>
        {looks.map((one) => (
          <button key={one} type="button" aria-pressed={shown === one} onClick={() => setLook(one)}>
            {LOOKS[one]}
          </button>
        ))}
        <span className={classes.push} />
        {run.text && <CopyIcon text={run.text} label="Copy the answer" />}
      </div>
      <div className={classes.said} role="log" aria-label="Answer">
        {shown === "sent" ? (
          conversationOf(run.messages).map((message, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a message is its place.
            <MessageView key={index} message={message} />
          ))
        ) : (
          <Said run={run} other={other} look={shown} />
        )}
      </div>
    </div>
  );
}

function Said({ run, other, look }: { run: Run; other: Run | undefined; look: Look }) {
  return (
    <>
      {run.reasoning && (
        <details className={classes.reasoning}>
          <summary>Reasoning</summary>
          <Markdown text={run.reasoning} />
        </details>
      )}
      {look === "diff" && <TextDiff a={other?.text ?? ""} b={run.text} />}
      {look === "raw" && <pre className={classes.raw}>{run.text}</pre>}
      {look === "read" && run.text && <Markdown text={run.text} />}
      {run.tools.map((call) => (
        <div key={call.id} className={classes.call}>
          calls <b>{call.name}</b>
          <JsonView value={parsed(call.arguments)} label="the arguments" />
        </div>
      ))}
      {run.state === "running" && !run.text && <span className="faint">Waiting for the first word…</span>}
      {run.state === "stopped" && <p className="warn">Stopped.</p>}
      {run.failure && (
        <div className={classes.failure} role="alert">
          <b>{run.failure.title}</b>
          {run.failure.hint && <div className="dim">{run.failure.hint}</div>}
        </div>
      )}
      {run.finishReason && !["stop", "tool_calls"].includes(run.finishReason) && (
        <p className="warn">It ended because of: {run.finishReason}.</p>
      )}
    </>
  );
}

function Facts({ run }: { run: Run }) {
  const { prompt_tokens, completion_tokens } = run.usage;
  const cost = run.cost === undefined ? (run.state === "done" ? "…" : NOTHING) : formatMoneyShort(run.cost);
  return (
    <dl className={classes.facts}>
      <Fact name="Cost" value={cost} />
      <Fact name="Took" value={formatDuration(run.duration)} />
      <Fact name="First word" value={formatDuration(run.ttft)} />
      <Fact name="Tokens" value={`${formatCount(prompt_tokens)} → ${formatCount(completion_tokens)}`} />
      {run.traceId && run.state !== "running" && (
        <Link to="/traces/$traceId" params={{ traceId: run.traceId }} search={{}} className={classes.trace}>
          trace
        </Link>
      )}
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
