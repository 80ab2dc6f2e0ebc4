import { ActionIcon, Select, Textarea, TextInput } from "@mantine/core";
import { useRef } from "react";
import { goToLine } from "@/components/definition/source-editor";
import { Icon } from "@/components/icons";
import { type ContentPart, type PromptMessage, ROLES, type Role } from "@/lib/prompt-body";
import { MessageParts } from "./message-parts";
import classes from "./prompt.module.css";

export interface TemplateFault {
  /** Where in the body: `messages[0].content`. */
  field: string;
  message: string;
  line: number | null;
}

interface MessageCardProps {
  index: number;
  count: number;
  message: PromptMessage;
  fault: TemplateFault | null;
  readOnly: boolean;
  onChange: (message: PromptMessage) => void;
  onMove: (step: -1 | 1) => void;
  onRemove: () => void;
}

/** One message of a prompt: its role and its template. */
export function MessageCard(props: MessageCardProps) {
  const { index, count, message, fault, readOnly, onChange } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  const { role, content = "" } = message;
  const name = `Message ${index + 1}`;
  return (
    <div className={classes.message} data-wrong={fault !== null || undefined}>
      <div className={classes.messageHead}>
        <Select
          size="xs"
          variant="unstyled"
          w={120}
          aria-label={`Role of message ${index + 1}`}
          data={[...ROLES]}
          value={role}
          allowDeselect={false}
          disabled={readOnly}
          onChange={(value) => value && onChange(withRole(message, value as Role))}
        />
        <span className={classes.push} />
        {!readOnly && (
          <>
            {role === "user" && typeof content === "string" && (
              <Act
                label={`Add an image to message ${index + 1}`}
                icon="image"
                onClick={() => onChange({ ...message, content: withImage(content) })}
              />
            )}
            <Act
              label={`Move message ${index + 1} up`}
              icon="up"
              disabled={index === 0}
              onClick={() => props.onMove(-1)}
            />
            <Act
              label={`Move message ${index + 1} down`}
              icon="down"
              disabled={index === count - 1}
              onClick={() => props.onMove(1)}
            />
            <Act label={`Remove message ${index + 1}`} icon="trash" onClick={props.onRemove} />
          </>
        )}
      </div>
      {role === "placeholder" ? (
        <p className={classes.slot}>The caller's own messages stand here.</p>
      ) : typeof content === "string" ? (
        <Template
          ref={area}
          label={name}
          text={content}
          readOnly={readOnly}
          onChange={(text) => onChange({ ...message, content: text })}
        />
      ) : (
        <MessageParts
          name={name}
          parts={content}
          readOnly={readOnly}
          onChange={(parts) => onChange({ ...message, content: plain(parts) })}
        />
      )}
      {role === "tool" && (
        <TextInput
          size="xs"
          m={8}
          label="Answers the call"
          value={message.tool_call_id ?? ""}
          readOnly={readOnly}
          onChange={(event) => onChange({ ...message, tool_call_id: event.currentTarget.value })}
        />
      )}
      {message.tool_calls?.map((call) => (
        <p key={call.id} className={classes.slot}>
          calls <b>{call.name}</b> <code>{JSON.stringify(call.arguments ?? {})}</code>
        </p>
      ))}
      {fault && <Fault fault={fault} onLine={(line) => goToLine(area.current, line)} />}
    </div>
  );
}

interface TemplateProps {
  label: string;
  text: string;
  readOnly: boolean;
  onChange: (text: string) => void;
  placeholder?: string;
  ref?: React.Ref<HTMLTextAreaElement>;
}

export function Template({ label, text, readOnly, onChange, placeholder, ref }: TemplateProps) {
  return (
    <Textarea
      ref={ref}
      className={classes.template}
      aria-label={label}
      placeholder={placeholder ?? "Text, with {{ variables }}"}
      autosize
      minRows={2}
      maxRows={30}
      spellCheck={false}
      value={text}
      readOnly={readOnly}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

export function Fault({ fault, onLine }: { fault: TemplateFault; onLine?: (line: number) => void }) {
  const { line } = fault;
  return (
    <p className={classes.fault} role="alert">
      {line !== null && onLine && (
        <button type="button" onClick={() => onLine(line)}>
          line {line}
        </button>
      )}
      <span>{fault.message}</span>
    </p>
  );
}

interface ActProps {
  label: string;
  icon: "up" | "down" | "trash" | "image";
  disabled?: boolean;
  onClick: () => void;
}

function Act({ label, icon, disabled, onClick }: ActProps) {
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="sm"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} size={13} />
    </ActionIcon>
  );
}

function withRole(message: PromptMessage, role: Role): PromptMessage {
  if (role === "placeholder") return { role };
  const content = role === "user" ? message.content : textOnly(message.content);
  const calls = role === "assistant" && message.tool_calls ? { tool_calls: message.tool_calls } : {};
  const answers = role === "tool" ? { tool_call_id: message.tool_call_id ?? "" } : {};
  return { role, content: content ?? "", ...calls, ...answers };
}

function textOnly(content: PromptMessage["content"]): string {
  if (typeof content === "string") return content;
  return (content ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n\n");
}

function withImage(content: string): ContentPart[] {
  return [...(content ? [{ type: "text" as const, text: content }] : []), { type: "image", url: "" }];
}

/** One text alone needs no list. */
function plain(parts: ContentPart[]): string | ContentPart[] {
  const [first] = parts;
  if (!first) return "";
  return parts.length === 1 && first.type === "text" ? first.text : parts;
}
