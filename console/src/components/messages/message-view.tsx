/** One message of a conversation: text, reasoning, tools, media. */

import { useState } from "react";
import { CopyIcon } from "@/components/copy";
import { Icon } from "@/components/icons";
import { JsonView } from "@/components/json-view";
import { Markdown } from "@/components/markdown";
import { formatBytes } from "@/lib/format";
import { type Message, type MessagePart, textOf } from "@/lib/messages";
import classes from "./messages.module.css";

/** Text beyond this is folded: a prompt with a book in it must not bury the answer. */
const LONG_TEXT = 3_000;

export function MessageView({ message, answer }: { message: Message; answer?: boolean }) {
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
      return <Media part={part} />;
    case "other":
      return <JsonView value={part.value} label="the part" />;
  }
}

/**
 * An image in the record itself is shown. One that lies elsewhere is a link: loading it would tell its host
 * who reads the trace.
 */
function Media({ part }: { part: Extract<MessagePart, { kind: "media" }> }) {
  const { uri } = part;
  const facts = [part.modality, part.mediaType, part.bytes === null ? null : formatBytes(part.bytes)];
  if (uri?.startsWith("data:image/")) return <img className={classes.image} src={uri} alt="As it was sent" />;
  return (
    <div className={classes.media}>
      <Icon name="image" size={14} />
      <span>{[...facts, uri?.startsWith("data:") ? null : uri].filter(Boolean).join(" · ")}</span>
      {uri && /^https?:/.test(uri) && (
        <a href={uri} target="_blank" rel="noreferrer">
          open
        </a>
      )}
    </div>
  );
}

/** Results are text or JSON; a list of parts is shown part by part. */
function ToolOutput({ output }: { output: unknown }) {
  if (typeof output === "string") return <LongText text={output} />;
  return <JsonView value={output} label="the result" />;
}

export function LongText({ text }: { text: string }) {
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
