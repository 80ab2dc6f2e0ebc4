/** The messages of a whole trace as one conversation: each model call brings what was said since the one before. */

import { type Message, readMessages } from "./messages";

export interface ThreadSpan {
  span_id: string;
  parent_id?: string | null;
  kind: string;
  name: string;
  started: number;
  covered?: boolean;
  input?: unknown;
  output?: unknown;
}

export interface Turn<Span extends ThreadSpan> {
  span: Span;
  /** Messages of its input that an earlier call had said already, word for word. */
  repeated: number;
  input: Message[];
  output: Message[];
}

const SPEAKING = new Set(["llm", "gateway"]);
/** So many calls back a conversation is looked for that a call goes on with. */
const MOST_THREADS = 24;

/**
 * Model calls whose messages tell the trace, in order of start: each call once. Where an application's call is
 * told of below, the one below speaks; an attempt leaves it to the call that it is of.
 */
export function speakers<Span extends ThreadSpan>(spans: readonly Span[]): Span[] {
  const byId = new Map(spans.map((span) => [span.span_id, span]));
  return spans
    .filter((span) => {
      if (!SPEAKING.has(span.kind) || span.covered) return false;
      return byId.get(span.parent_id ?? "")?.kind !== "gateway";
    })
    .sort((a, b) => a.started - b.started);
}

export function thread<Span extends ThreadSpan>(calls: readonly Span[]): Turn<Span>[] {
  const before: string[][] = [];
  return calls.map((span) => {
    const input = readMessages(span.input);
    const output = readMessages(span.output);
    const prints = input.map(printOf);
    const repeated = Math.max(0, ...before.map((said) => shared(said, prints)));
    before.unshift([...prints, ...output.map(printOf)]);
    if (before.length > MOST_THREADS) before.pop();
    return { span, repeated, input: input.slice(repeated), output };
  });
}

function shared(one: readonly string[], other: readonly string[]): number {
  let count = 0;
  while (count < other.length && one[count] === other[count]) count += 1;
  return count;
}

/** What a message says, without what a client may leave out when it sends it again: ids, reasoning, reasons of ending. */
function printOf(message: Message): string {
  const parts = message.parts.flatMap((part) => {
    switch (part.kind) {
      case "text":
      case "refusal":
        return [part.text.trim()];
      case "tool-call":
        return [`call ${part.name} ${JSON.stringify(part.input)}`];
      case "tool-result":
        return [`result ${JSON.stringify(part.output)}`];
      case "media":
        return [`media ${part.mediaType} ${part.uri ?? part.bytes}`];
      case "reasoning":
        return [];
      case "other":
        return [JSON.stringify(part.value)];
      default:
        return [];
    }
  });
  return [message.role, ...parts].join("\n");
}
