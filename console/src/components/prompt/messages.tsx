import { Button } from "@mantine/core";
import { useRef } from "react";
import { goToLine } from "@/components/definition/source-editor";
import { Icon } from "@/components/icons";
import type { PromptBody, PromptMessage } from "@/lib/prompt-body";
import { Fault, MessageCard, Template, type TemplateFault } from "./message-card";
import classes from "./prompt.module.css";

interface PromptMessagesProps {
  body: PromptBody;
  fault: TemplateFault | null;
  readOnly?: boolean;
  onChange: (body: PromptBody) => void;
}

/** The text of a prompt, or its messages. */
export function PromptMessages({ body, fault, readOnly = false, onChange }: PromptMessagesProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  if (body.text !== undefined)
    return (
      <div className={classes.message} data-wrong={fault?.field === "text" || undefined}>
        <Template
          ref={area}
          label="Text"
          text={body.text}
          readOnly={readOnly}
          onChange={(text) => onChange({ ...body, text })}
        />
        {fault?.field === "text" && <Fault fault={fault} onLine={(line) => goToLine(area.current, line)} />}
      </div>
    );
  const messages = body.messages ?? [];
  const set = (next: PromptMessage[]) => onChange({ ...body, messages: next });
  const move = (index: number, step: -1 | 1) => {
    const next = [...messages];
    const [taken] = next.splice(index, 1);
    if (taken) next.splice(index + step, 0, taken);
    set(next);
  };
  return (
    <div className={classes.messages}>
      {messages.map((message, index) => (
        <MessageCard
          // biome-ignore lint/suspicious/noArrayIndexKey: messages have no identity but their place.
          key={index}
          index={index}
          count={messages.length}
          message={message}
          fault={faultAt(fault, index)}
          readOnly={readOnly}
          onChange={(changed) => set(messages.map((one, place) => (place === index ? changed : one)))}
          onMove={(step) => move(index, step)}
          onRemove={() => set(messages.filter((_, place) => place !== index))}
        />
      ))}
      {!readOnly && (
        <div>
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<Icon name="plus" size={12} />}
            onClick={() => set([...messages, { role: nextRole(messages), content: "" }])}
          >
            Add a message
          </Button>
        </div>
      )}
    </div>
  );
}

function faultAt(fault: TemplateFault | null, index: number): TemplateFault | null {
  return fault && new RegExp(`^messages\\[${index}\\]`).test(fault.field) ? fault : null;
}

function nextRole(messages: readonly PromptMessage[]): PromptMessage["role"] {
  return messages.at(-1)?.role === "user" ? "assistant" : "user";
}
