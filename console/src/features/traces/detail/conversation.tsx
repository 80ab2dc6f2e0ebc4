import { useMemo, useState } from "react";
import type { SpanRecord } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { Empty } from "@/components/empty";
import { Icon } from "@/components/icons";
import { JsonView } from "@/components/json-view";
import { Markdown } from "@/components/markdown";
import { formatBytes } from "@/lib/format";
import { type Message, type MessagePart, readMessages, textOf } from "@/lib/messages";
import classes from "./detail.module.css";

/** Text beyond this is folded: a prompt with a book in it must not bury the answer. */
const LONG_TEXT = 3_000;

interface ConversationProps {
  span: SpanRecord;
  spans: readonly SpanRecord[];
  onSelect: (id: string) => void;
}

export function Conversation({ span, spans, onSelect }: ConversationProps) {
  const input = useMemo(() => readMessages(span.input), [span.input]);
  const output = useMemo(() => readMessages(span.output), [span.output]);
  if (input.length === 0 && output.length === 0)
    return <NoText span={span} spans={spans} onSelect={onSelect} />;
  return (
    <div className={classes.stack}>
      <NotRecorded span={span} which="input" />
      {input.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a record never changes, its order is its identity.
        <MessageView key={index} message={message} />
      ))}
      <div className={classes.divider}>
        <span>Answer</span>
      </div>
      <NotRecorded span={span} which="output" />
      {output.length === 0 && (
        <p className="dim">
          {span.status === "ok" ? "No text came back." : "No answer came: the call failed."}
        </p>
      )}
      {output.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above.
        <MessageView key={index} message={message} answer />
      ))}
    </div>
  );
}

function NoText({ span, spans, onSelect }: ConversationProps) {
  const parent = spans.find((one) => one.span_id === span.parent_id && one.kind === "gateway");
  if (parent) {
    return (
      <Empty title="This is one attempt of a call." icon="traces">
        <p>
          What was said stands on{" "}
          <button type="button" className={classes.linkButton} onClick={() => onSelect(parent.span_id)}>
            the call itself
          </button>
          .
        </p>
      </Empty>
    );
  }
  const left = leftOut(span, "input") ?? leftOut(span, "output");
  return (
    <Empty title="No text was recorded." icon="traces">
      <p>
        {left === null
          ? "This span carries no messages. Details has its timings and attributes."
          : "Recording of text is off (gateway.record_content), or the text was longer than gateway.max_recorded."}
      </p>
    </Empty>
  );
}

/** Bytes of text that the gateway left out, by the note it makes of it. */
function leftOut(span: SpanRecord, which: "input" | "output"): number | null {
  const attributes = span.attributes as Record<string, unknown> | null | undefined;
  const bytes = attributes?.[`penstock.${which}.bytes_not_recorded`];
  return typeof bytes === "number" ? bytes : null;
}

function NotRecorded({ span, which }: { span: SpanRecord; which: "input" | "output" }) {
  const bytes = leftOut(span, which);
  if (bytes === null) return null;
  return (
    <p className="dim">
      The {which} ({formatBytes(bytes)}) was not recorded: recording is off, or it is longer than
      gateway.max_recorded.
    </p>
  );
}

function MessageView({ message, answer }: { message: Message; answer?: boolean }) {
  const text = textOf(message);
  return (
    <article className={classes.message} data-role={message.role} data-answer={answer || undefined}>
      <header className={classes.role}>
        <span>{message.role || "message"}</span>
        {message.name && <span className="faint">{message.name}</span>}
        {message.finishReason && message.finishReason !== "stop" && (
          <span className="warn">ended: {message.finishReason}</span>
        )}
        <span className={classes.push} />
        {text && <CopyIcon text={text} label="Copy the text" />}
      </header>
      {message.parts.map((part, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: parts have no identity but their place.
        <PartView key={index} part={part} />
      ))}
    </article>
  );
}

function PartView({ part }: { part: MessagePart }) {
  switch (part.kind) {
    case "text":
      return <LongText text={part.text} />;
    case "refusal":
      return (
        <div className={classes.refusal}>
          <LongText text={part.text} />
        </div>
      );
    case "reasoning":
      return (
        <details className={classes.reasoning}>
          <summary>Reasoning</summary>
          {part.text ? (
            <Markdown text={part.text} />
          ) : (
            <span className="faint">The provider kept it to itself.</span>
          )}
        </details>
      );
    case "tool-call":
      return (
        <div className={classes.tool}>
          <div className={classes.toolHead}>
            <Icon name="tool" size={13} /> <b>{part.name}</b> <span className="faint mono">{part.id}</span>
          </div>
          <JsonView value={part.input ?? {}} label="the arguments" />
        </div>
      );
    case "tool-result":
      return (
        <div className={classes.tool} data-failed={part.failed || undefined}>
          <div className={classes.toolHead}>
            <Icon name="right" size={13} /> {part.failed ? "failed" : "result"}{" "}
            <span className="faint mono">{part.id}</span>
          </div>
          <ToolOutput output={part.output} />
        </div>
      );
    case "media":
      return (
        <div className={classes.media}>
          <Icon name="image" size={14} />
          {[part.modality, part.mediaType, part.bytes === null ? null : formatBytes(part.bytes), part.uri]
            .filter(Boolean)
            .join(" · ")}
        </div>
      );
    case "other":
      return <JsonView value={part.value} label="the part" />;
  }
}

/** Results are text or JSON; a list of parts is shown part by part. */
function ToolOutput({ output }: { output: unknown }) {
  if (typeof output === "string") return <LongText text={output} />;
  return <JsonView value={output} label="the result" />;
}

function LongText({ text }: { text: string }) {
  const [whole, setWhole] = useState(false);
  if (text.length <= LONG_TEXT || whole) return <Markdown text={text} />;
  return (
    <div>
      <Markdown text={`${text.slice(0, LONG_TEXT / 2)}…`} />
      <button type="button" className={classes.linkButton} onClick={() => setWhole(true)}>
        Show all {text.length.toLocaleString("en-US")} characters
      </button>
    </div>
  );
}
