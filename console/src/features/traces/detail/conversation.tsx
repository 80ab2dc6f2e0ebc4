import { useMemo } from "react";
import type { SpanRecord } from "@/api/types";
import { Empty } from "@/components/empty";
import { JsonView } from "@/components/json-view";
import { LongText, MessageView } from "@/components/messages/message-view";
import { readDocuments } from "@/lib/documents";
import { formatBytes } from "@/lib/format";
import { readMessages } from "@/lib/messages";
import classes from "./detail.module.css";
import { Documents } from "./documents";

interface ConversationProps {
  span: SpanRecord;
  spans: readonly SpanRecord[];
  onSelect: (id: string) => void;
}

/** What went into a span and what came out: messages, documents, or a value as it is. */
export function Conversation({ span, spans, onSelect }: ConversationProps) {
  const input = useMemo(() => readMessages(span.input), [span.input]);
  const output = useMemo(() => readMessages(span.output), [span.output]);
  const documents = useMemo(() => (FINDERS.has(span.kind) ? readDocuments(span) : []), [span]);
  if (input.length === 0 && output.length === 0 && documents.length === 0)
    return <NoText span={span} spans={spans} onSelect={onSelect} />;
  const spoken = [...input, ...output].some((message) => message.role !== "");
  return (
    <div className={classes.stack}>
      <NotRecorded span={span} which="input" />
      {spoken ? (
        input.map((message, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a record never changes, its order is its identity.
          <MessageView key={index} message={message} />
        ))
      ) : (
        <Value title="Input" value={span.input} />
      )}
      {spoken && (
        <div className={classes.divider}>
          <span>Answer</span>
        </div>
      )}
      <NotRecorded span={span} which="output" />
      {documents.length > 0 ? (
        <Documents documents={documents} />
      ) : spoken ? (
        <Answer span={span} messages={output} />
      ) : (
        <Value title="Output" value={span.output} />
      )}
    </div>
  );
}

const FINDERS = new Set(["retriever", "reranker"]);

function Answer({ span, messages }: { span: SpanRecord; messages: ReturnType<typeof readMessages> }) {
  if (messages.length === 0)
    return (
      <p className="dim">
        {span.status === "ok" ? "No text came back." : "No answer came: the call failed."}
      </p>
    );
  return messages.map((message, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a record never changes, its order is its identity.
    <MessageView key={index} message={message} answer />
  ));
}

function Value({ title, value }: { title: string; value: unknown }) {
  if (value === null || value === undefined) return null;
  return (
    <div>
      <h3 className={classes.section}>{title}</h3>
      {typeof value === "string" ? (
        <LongText text={value} />
      ) : (
        <JsonView value={value} label={`the ${title.toLowerCase()}`} />
      )}
    </div>
  );
}

function NoText({ span, spans, onSelect }: ConversationProps) {
  const other = textElsewhere(span, spans);
  if (other) {
    return (
      <Empty title={other.title} icon="traces">
        <p>
          What was said stands on{" "}
          <button type="button" className={classes.linkButton} onClick={() => onSelect(other.id)}>
            {other.name}
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

function textElsewhere(span: SpanRecord, spans: readonly SpanRecord[]) {
  const parent = spans.find((one) => one.span_id === span.parent_id && one.kind === "gateway");
  if (parent) return { id: parent.span_id, title: "This is one attempt of a call.", name: "the call itself" };
  const below = span.covered ? spans.find((one) => one.parent_id === span.span_id && one.call) : undefined;
  return below
    ? { id: below.span_id, title: "The gateway recorded this call.", name: "the call below" }
    : null;
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
