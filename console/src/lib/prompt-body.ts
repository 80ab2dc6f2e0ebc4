/** The body of a prompt's version, as the editor and the playground change it. Its meaning is the server's to say. */

import { type Message, type MessagePart, readMessages } from "./messages";

export const ROLES = ["system", "developer", "user", "assistant", "tool", "placeholder"] as const;
export type Role = (typeof ROLES)[number];

export type ContentPart = { type: "text"; text: string } | { type: "image"; url: string };

export interface PromptMessage {
  role: Role;
  /** A template, or parts. */
  content?: string | ContentPart[];
  tool_calls?: { id: string; name: string; arguments?: Record<string, unknown> }[];
  tool_call_id?: string;
}

export const VARIABLE_TYPES = ["string", "number", "integer", "boolean", "array", "object"] as const;
export type VariableType = (typeof VARIABLE_TYPES)[number];

export interface PromptVariable {
  type?: VariableType;
  default?: unknown;
  enum?: unknown[];
  description?: string;
}

export interface PromptBody {
  text?: string;
  messages?: PromptMessage[];
  variables?: Record<string, PromptVariable>;
  partials?: Record<string, string>;
  tools?: unknown[];
  response_schema?: Record<string, unknown>;
  parameters?: Record<string, unknown>;
  model?: string;
}

export const FIRST_BODY: PromptBody = {
  messages: [
    { role: "system", content: "You answer questions about {{ product }} in two sentences." },
    { role: "user", content: "{{ question }}" },
  ],
  variables: { product: { default: "our product" }, question: {} },
};

/** The body without what is empty: the form in which it is saved and compared. */
export function compactBody(body: PromptBody): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => !isEmpty(value)));
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Names between `{{ }}` and in `{% %}` that no declaration knows; a guess that saves typing, no check. */
export function undeclaredIn(body: PromptBody): string[] {
  const templates = [body.text ?? "", ...(body.messages ?? []).flatMap((one) => templatesOf(one))];
  const known = new Set(Object.keys(body.variables ?? {}));
  const found = new Set<string>();
  for (const template of templates)
    for (const [, name = ""] of template.matchAll(/\{\{-?\s*([A-Za-z_]\w*)/g))
      if (!known.has(name)) found.add(name);
  return [...found];
}

function templatesOf({ content }: PromptMessage): string[] {
  if (typeof content === "string") return [content];
  return (content ?? []).map((part) => (part.type === "text" ? part.text : part.url));
}

/** What a person typed for a variable, as a value of its type; undefined while it is none. */
export function readValue(text: string, type: VariableType = "string"): unknown {
  if (type === "string") return text;
  try {
    const value: unknown = JSON.parse(text);
    return hasType(value, type) ? value : undefined;
  } catch {
    return undefined;
  }
}

function hasType(value: unknown, type: VariableType): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "integer":
      return Number.isInteger(value);
    case "boolean":
      return typeof value === "boolean";
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
  }
}

/** A value as a person types it. */
export function writeTyped(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Texts that were typed for variables as values; empty ones are left out, for their defaults. */
export function valuesOf(
  texts: Readonly<Record<string, string>>,
  variables: Readonly<Record<string, PromptVariable>>,
): { values: Record<string, unknown>; wrong: string[] } {
  const values: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const [name, variable] of Object.entries(variables)) {
    const text = texts[name];
    if (text === undefined || text === "") continue;
    const value = readValue(text, variable.type);
    if (value === undefined) wrong.push(name);
    else values[name] = value;
  }
  return { values, wrong };
}

/** Rendered messages, or messages of a request in OpenAI's form, as a conversation that can be shown. */
export function conversationOf(messages: readonly Record<string, unknown>[]): Message[] {
  return messages.flatMap((one) => {
    if (one.role === "tool")
      return [
        {
          role: "tool",
          name: null,
          finishReason: null,
          parts: [
            {
              kind: "tool-result" as const,
              id: textOr(one.tool_call_id),
              output: plainContent(one.content),
              failed: false,
            },
          ],
        },
      ];
    const [read] = readMessages([{ role: one.role, content: contentOf(one.content) }]);
    if (!read) return [];
    return [{ ...read, parts: [...read.parts, ...callsOf(one.tool_calls)] }];
  });
}

function contentOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content === "" ? null : content;
  return content.map((part: Record<string, unknown>) => {
    if (part.type === "image") return { type: "image", uri: part.url, modality: "image" };
    if (part.type !== "image_url") return part;
    return { type: "image", uri: (part.image_url as { url?: string } | null)?.url, modality: "image" };
  });
}

function plainContent(content: unknown): unknown {
  if (!Array.isArray(content)) return content;
  return content.map((part: { text?: string }) => part.text ?? "").join("\n");
}

function callsOf(calls: unknown): MessagePart[] {
  if (!Array.isArray(calls)) return [];
  return calls.map((call: Record<string, unknown>) => {
    const own = (call.function ?? call) as Record<string, unknown>;
    return {
      kind: "tool-call" as const,
      id: textOr(call.id),
      name: String(own.name ?? "tool"),
      input: parsed(own.arguments),
    };
  });
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function textOr(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** Messages of a recorded request, in OpenAI's form, as those of a prompt: braces in them are data, and stay so. */
export function fromRequest(messages: readonly Record<string, unknown>[]): PromptMessage[] {
  return messages.flatMap((one) => {
    const role = ROLES.find((candidate) => candidate === one.role);
    if (!role) return [];
    const message: PromptMessage = { role, content: partsOf(one.content) };
    if (Array.isArray(one.tool_calls) && one.tool_calls.length)
      message.tool_calls = one.tool_calls.map((call: Record<string, unknown>) => {
        const own = (call.function ?? {}) as Record<string, unknown>;
        const given = parsed(own.arguments);
        const input = typeof given === "object" && given !== null ? (given as Record<string, unknown>) : {};
        return { id: String(call.id ?? ""), name: String(own.name ?? "tool"), arguments: input };
      });
    if (role === "tool") message.tool_call_id = String(one.tool_call_id ?? "");
    return [message];
  });
}

function partsOf(content: unknown): string | ContentPart[] {
  if (typeof content === "string") return asData(content);
  if (!Array.isArray(content)) return "";
  return content.flatMap((part: Record<string, unknown>): ContentPart[] => {
    if (part.type === "text") return [{ type: "text", text: asData(String(part.text ?? "")) }];
    const image = part.image_url as { url?: string } | undefined;
    return image?.url ? [{ type: "image", url: asData(image.url) }] : [];
  });
}

/** A text as a template that writes it as it is. */
export function asData(text: string): string {
  if (!/\{[{%#]/.test(text)) return text;
  return text.replace(/\{(?=[{%#])/g, "{{ '{' }}");
}
