/**
 * Recorded text as a conversation: OpenTelemetry's GenAI messages, `[{role, parts: [{type, …}]}]`.
 * What came from elsewhere may bend the form; nothing is dropped, the unknown is shown as JSON.
 */

export type MessagePart =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "refusal"; text: string }
  | { kind: "tool-call"; id: string | null; name: string; input: unknown }
  | { kind: "tool-result"; id: string | null; output: unknown; failed: boolean }
  | { kind: "media"; modality: string; mediaType: string | null; bytes: number | null; uri: string | null }
  | { kind: "other"; value: unknown };

export interface Message {
  role: string;
  name: string | null;
  parts: MessagePart[];
  finishReason: string | null;
}

type Fields = Record<string, unknown>;

export function readMessages(value: unknown): Message[] {
  const parsed = fromText(value);
  if (parsed === null || parsed === undefined) return [];
  const list = Array.isArray(parsed) ? parsed : [parsed];
  return list.map(readMessage);
}

/** The text of a message, without tools and media. */
export function textOf(message: Message): string {
  return message.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])).join("\n");
}

function readMessage(value: unknown): Message {
  if (!isFields(value)) return { role: "", name: null, parts: [readPart(value)], finishReason: null };
  const content = value.parts ?? value.content;
  const parts = Array.isArray(content)
    ? content.map(readPart)
    : content === undefined || content === null
      ? []
      : [readPart(content)];
  if (parts.length === 0 && value.role === undefined) parts.push({ kind: "other", value });
  return {
    role: text(value.role) ?? "",
    name: text(value.name),
    parts,
    finishReason: text(value.finish_reason),
  };
}

function readPart(value: unknown): MessagePart {
  if (typeof value === "string") return { kind: "text", text: value };
  if (!isFields(value)) return { kind: "other", value };
  const content = text(value.content) ?? text(value.text) ?? "";
  switch (value.type) {
    case "text":
      return { kind: "text", text: content };
    case "reasoning":
    case "thinking":
      return { kind: "reasoning", text: content };
    case "refusal":
      return { kind: "refusal", text: content };
    case "tool_call":
      return {
        kind: "tool-call",
        id: text(value.id),
        name: text(value.name) ?? "tool",
        input: fromText(value.arguments),
      };
    case "tool_call_response":
      return {
        kind: "tool-result",
        id: text(value.id),
        output: resultOf(fromText(value.response ?? value.result ?? value.content)),
        failed: value.is_error === true,
      };
    case "blob":
    case "uri":
    case "file":
    case "image":
    case "audio":
      return readMedia(value);
    default:
      return { kind: "other", value };
  }
}

/** A result that is a list of nothing but texts is their text. */
function resultOf(output: unknown): unknown {
  if (!Array.isArray(output) || output.length === 0) return output;
  const parts = output.map((one) =>
    isFields(one) && one.type === "text" ? text(one.content ?? one.text) : null,
  );
  return parts.every((one) => one !== null) ? parts.join("\n") : output;
}

function readMedia(value: Fields): MessagePart {
  const size = value.size ?? value.bytes;
  return {
    kind: "media",
    modality: text(value.modality) ?? String(value.type),
    mediaType: text(value.mime_type),
    bytes: typeof size === "number" ? size : null,
    uri: text(value.uri) ?? text(value.file_id) ?? dataUri(value),
  };
}

/** Bytes that stand in the record itself, in base64. */
function dataUri(value: Fields): string | null {
  const content = text(value.content) ?? text(value.data);
  const type = text(value.mime_type);
  return content && type && /^[\w+/=\s-]+$/.test(content) ? `data:${type};base64,${content}` : null;
}

/** JSON that arrived as text; any other text stays text. */
function fromText(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** A recorded value as text that can be compared: messages by role, anything else as it is or as JSON. */
export function textOfValue(value: unknown): string {
  const messages = readMessages(value);
  if (messages.every((message) => message.role === ""))
    return typeof value === "string" ? value : value === null || value === undefined ? "" : asJson(value);
  return messages
    .map((message) => `${message.role}:\n${message.parts.map(partText).join("\n")}`)
    .join("\n\n");
}

function partText(part: MessagePart): string {
  switch (part.kind) {
    case "text":
    case "refusal":
      return part.text;
    case "reasoning":
      return `(reasoning) ${part.text}`;
    case "tool-call":
      return `→ ${part.name} ${asJson(part.input)}`;
    case "tool-result":
      return `← ${typeof part.output === "string" ? part.output : asJson(part.output)}`;
    case "media":
      return `[${[part.modality, part.mediaType].filter(Boolean).join(" ")}]`;
    case "other":
      return asJson(part.value);
  }
}

function asJson(value: unknown): string {
  return JSON.stringify(value, null, 2) ?? "";
}
