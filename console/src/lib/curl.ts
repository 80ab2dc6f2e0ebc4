/** A recorded call as a command that makes it again through the gateway, in the dialect it was made in. */

import { type Message, type MessagePart, readMessages, textOf } from "./messages";

export interface RecordedCall {
  operation: string;
  stream: boolean;
  requested_model?: string | null;
  route?: string | null;
  input?: unknown;
  attributes?: unknown;
}

type Json = Record<string, unknown>;

const PATHS: Record<string, string> = {
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  embeddings: "/v1/embeddings",
  messages: "/v1/messages",
  count_tokens: "/v1/messages/count_tokens",
};

/** Recorded parameter → field, for each dialect. Fields that a dialect does not have are left out. */
const PARAMETERS: Record<string, Record<string, string>> = {
  chat: {
    temperature: "temperature",
    top_p: "top_p",
    max_tokens: "max_tokens",
    frequency_penalty: "frequency_penalty",
    presence_penalty: "presence_penalty",
    stop_sequences: "stop",
    seed: "seed",
    "choice.count": "n",
  },
  responses: { temperature: "temperature", top_p: "top_p", max_tokens: "max_output_tokens" },
  messages: {
    temperature: "temperature",
    top_p: "top_p",
    top_k: "top_k",
    max_tokens: "max_tokens",
    stop_sequences: "stop_sequences",
  },
  count_tokens: {},
  embeddings: { "embedding.dimensions": "dimensions" },
};

/** Anthropic refuses a call without it. */
const MAX_TOKENS_WHEN_NOT_RECORDED = 1024;

/** Whether a call of this operation can be made again from its record. */
export function canRepeat(operation: string): boolean {
  return operation in PATHS;
}

export function curlOf(call: RecordedCall, gatewayUrl: string): string {
  const anthropic = call.operation === "messages" || call.operation === "count_tokens";
  const headers = anthropic
    ? ['-H "x-api-key: $PENSTOCK_KEY"', "-H 'anthropic-version: 2023-06-01'"]
    : ['-H "Authorization: Bearer $PENSTOCK_KEY"'];
  const body = JSON.stringify(requestBody(call), null, 2);
  return [
    `curl ${call.stream ? "-N " : ""}${quote(gatewayUrl + (PATHS[call.operation] ?? PATHS.chat))}`,
    ...headers,
    "-H 'Content-Type: application/json'",
    `-d ${quote(body)}`,
  ].join(" \\\n  ");
}

/** The request's body, rebuilt from the record. */
export function requestBody(call: RecordedCall): Json {
  const model = call.requested_model ?? call.route ?? "MODEL";
  const messages = readMessages(call.input);
  const parameters = parametersOf(call);
  const stream = call.stream ? { stream: true } : {};
  switch (call.operation) {
    case "embeddings":
      return { model, input: embeddingInput(messages), ...parameters };
    case "responses":
      return { model, input: messages.flatMap(responsesItems), ...parameters, ...stream };
    case "messages":
      return {
        model,
        max_tokens: MAX_TOKENS_WHEN_NOT_RECORDED,
        ...parameters,
        ...anthropicBody(messages),
        ...stream,
      };
    case "count_tokens":
      return { model, ...anthropicBody(messages) };
    default:
      return { model, messages: messages.flatMap(chatMessages), ...parameters, ...stream };
  }
}

function parametersOf(call: RecordedCall): Json {
  const attributes = (typeof call.attributes === "object" ? call.attributes : null) as Json | null;
  const found: Json = {};
  for (const [recorded, field] of Object.entries(PARAMETERS[call.operation] ?? {})) {
    const value = attributes?.[`gen_ai.request.${recorded}`];
    if (value !== undefined && value !== null) found[field] = value;
  }
  return found;
}

function embeddingInput(messages: readonly Message[]): string | string[] {
  const texts = messages.flatMap((message) =>
    message.parts.flatMap((part) => (part.kind === "text" ? [part.text] : [])),
  );
  return texts.length === 1 ? (texts[0] ?? "") : texts;
}

function chatMessages(message: Message): Json[] {
  const results = message.parts.flatMap((part) =>
    part.kind === "tool-result"
      ? [{ role: "tool", tool_call_id: part.id, content: asText(part.output) }]
      : [],
  );
  const calls = message.parts.flatMap((part) =>
    part.kind === "tool-call"
      ? [{ id: part.id, type: "function", function: { name: part.name, arguments: asText(part.input) } }]
      : [],
  );
  const content = message.parts.flatMap((part) =>
    contentPart(part, "text", (url) => ({ type: "image_url", image_url: { url } })),
  );
  if (content.length === 0 && calls.length === 0) return results;
  const only = content.length === 1 && content[0]?.type === "text" ? content[0].text : content;
  const own: Json = { role: message.role || "user", content: content.length ? only : null };
  if (calls.length) own.tool_calls = calls;
  return [own, ...results];
}

function responsesItems(message: Message): Json[] {
  const type = message.role === "assistant" ? "output_text" : "input_text";
  const content = message.parts.flatMap((part) =>
    contentPart(part, type, (url) => ({ type: "input_image", image_url: url })),
  );
  const items: Json[] = content.length ? [{ role: message.role || "user", content }] : [];
  for (const part of message.parts) {
    if (part.kind === "tool-call")
      items.push({ type: "function_call", call_id: part.id, name: part.name, arguments: asText(part.input) });
    if (part.kind === "tool-result")
      items.push({ type: "function_call_output", call_id: part.id, output: asText(part.output) });
  }
  return items;
}

function anthropicBody(messages: readonly Message[]): Json {
  const system = messages
    .filter((message) => message.role === "system" || message.role === "developer")
    .map(textOf);
  const turns = messages
    .filter((message) => message.role !== "system" && message.role !== "developer")
    .map((message) => ({
      role: message.role === "assistant" ? "assistant" : "user",
      content: message.parts.flatMap(anthropicPart),
    }));
  return { ...(system.length ? { system: system.join("\n\n") } : {}), messages: turns };
}

function anthropicPart(part: MessagePart): Json[] {
  if (part.kind === "tool-call")
    return [{ type: "tool_use", id: part.id, name: part.name, input: part.input ?? {} }];
  if (part.kind === "tool-result")
    return [
      {
        type: "tool_result",
        tool_use_id: part.id,
        content: asText(part.output),
        ...(part.failed ? { is_error: true } : {}),
      },
    ];
  return contentPart(part, "text", (url) => ({ type: "image", source: { type: "url", url } }));
}

/** Text and images. Reasoning is not sent back: its signature is not recorded. Bytes were not recorded either. */
function contentPart(part: MessagePart, textType: string, image: (url: string) => Json): Json[] {
  if (part.kind === "text" || part.kind === "refusal") return [{ type: textType, text: part.text }];
  if (part.kind !== "media") return [];
  if (part.modality === "image" && part.uri?.startsWith("http")) return [image(part.uri)];
  return [{ type: textType, text: `[${part.mediaType ?? part.modality}: its bytes were not recorded]` }];
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? {});
}

/** One argument of a POSIX shell, whatever it holds. */
export function quote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
