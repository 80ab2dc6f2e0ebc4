import { useMemo } from "react";
import { JsonView } from "@/components/json-view";
import { LongText, MessageView } from "@/components/messages/message-view";
import classes from "./annotation.module.css";
import { asConversation } from "./chat";

interface ItemViewProps {
  input: unknown;
  output: unknown;
  context: readonly string[];
  reference?: unknown;
}

/** What is to be judged: a conversation as on a trace's page, a text, or a value. */
export function ItemView({ input, output, context, reference }: ItemViewProps) {
  return (
    <div className={classes.shown}>
      <Shown title="Input" value={input} by="user" />
      {context.map((text, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: contexts have no identity but their place.
        <Shown key={index} title={`Context ${index + 1}`} value={text} />
      ))}
      <Shown title="Output" value={output} by="assistant" answer />
      <Shown title="Reference" value={reference} />
    </div>
  );
}

interface ShownProps {
  title: string;
  value: unknown;
  /** Who says a plain text. */
  by?: string;
  answer?: boolean;
}

function Shown({ title, value, by, answer }: ShownProps) {
  const said = typeof value === "string" && by ? [{ role: by, content: value }] : value;
  const messages = useMemo(() => asConversation(said), [said]);
  if (value === null || value === undefined) return null;
  return (
    <section aria-label={title}>
      <h3 className={classes.label}>{title}</h3>
      {messages ? (
        <div className={classes.messages}>
          {messages.map((message, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an item never changes, its order is its identity.
            <MessageView key={index} message={message} answer={answer} />
          ))}
        </div>
      ) : typeof value === "string" ? (
        <LongText text={value} />
      ) : (
        <JsonView value={value} label={`the ${title.toLowerCase()}`} />
      )}
    </section>
  );
}
