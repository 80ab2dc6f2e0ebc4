/** A recorded call as a draft that can be changed and asked again. */

import type { SpanRecord } from "@/api/types";
import { requestBody } from "@/lib/curl";
import { fromRequest, type PromptBody } from "@/lib/prompt-body";
import { newId, type Variant } from "./draft";

/** Whether what was asked can be asked again: a call of a chat, with its text. */
export function canReplay(span: SpanRecord): boolean {
  return ["chat", "responses", "messages", "generate_content", "text_completion"].includes(span.operation);
}

/** Recorded parameter → parameter of a prompt. */
const PARAMETERS: Record<string, string> = {
  temperature: "temperature",
  top_p: "top_p",
  max_tokens: "max_output_tokens",
  max_output_tokens: "max_output_tokens",
  stop: "stop",
  seed: "seed",
};

/** A recorded call as a draft: its messages as they were, without variables. */
export function variantOfSpan(span: SpanRecord): Variant {
  const request = requestBody({ ...span, operation: "chat", stream: false });
  const messages = Array.isArray(request.messages) ? (request.messages as Record<string, unknown>[]) : [];
  const parameters = Object.fromEntries(
    Object.entries(PARAMETERS).flatMap(([name, ours]) => (name in request ? [[ours, request[name]]] : [])),
  );
  const asked = fromRequest(messages);
  const body: PromptBody = {
    messages: asked.length ? asked : [{ role: "user", content: "" }],
    ...(Object.keys(parameters).length ? { parameters } : {}),
  };
  const target = span.provider && span.target_model ? `${span.provider}/${span.target_model}` : "";
  const named = span.route ?? span.requested_model ?? "";
  // A route with a prompt would put it before these messages, which begin with it already.
  const model = (span.prompt_name && target) || named || target;
  return { id: newId(), model, body, origin: null, inherited: {} };
}
