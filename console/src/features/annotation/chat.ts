/** What an item shows, as a conversation where it is one. */

import { type Message, readMessages } from "@/lib/messages";

type Fields = Record<string, unknown>;

/** Messages of a chat completion or as they were recorded; null for anything else. */
export function asConversation(value: unknown): Message[] | null {
  const list = isFields(value) && Array.isArray(value.messages) ? value.messages : value;
  const messages = Array.isArray(list) ? list : isFields(list) && "role" in list ? [list] : null;
  if (!messages?.length || !messages.every((one) => isFields(one) && typeof one.role === "string"))
    return null;
  return readMessages(messages.map((one) => recorded(one as Fields)));
}

/** Tool calls, their results and images of a chat completion, in the form in which spans are recorded. */
function recorded(message: Fields): Fields {
  if (Array.isArray(message.parts)) return message;
  const { role, content, tool_calls: calls } = message;
  if (role === "tool")
    return { role, parts: [{ type: "tool_call_response", id: message.tool_call_id, response: content }] };
  const parts = (Array.isArray(content) ? content : content ? [{ type: "text", content }] : []).map(partOf);
  for (const call of Array.isArray(calls) ? calls : []) {
    const made = isFields(call) && isFields(call.function) ? call.function : {};
    parts.push({ type: "tool_call", id: (call as Fields).id, name: made.name, arguments: made.arguments });
  }
  return { ...message, parts };
}

function partOf(part: unknown): unknown {
  if (!isFields(part) || part.type !== "image_url") return part;
  const { url } = isFields(part.image_url) ? part.image_url : { url: part.image_url };
  return { type: "uri", modality: "image", uri: url };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
