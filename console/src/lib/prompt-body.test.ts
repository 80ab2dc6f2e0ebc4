import { expect, test } from "vitest";
import { asData, conversationOf, fromRequest, undeclaredIn, valuesOf } from "./prompt-body";
import { readEvents } from "./sse";

test("a recorded text is no template", () => {
  expect(asData("plain { text }")).toBe("plain { text }");
  expect(asData("{{7*7}} {% x %}")).toBe(
    "{{ '{' }}{7*7}} {{ '{' }}% x %}".replace("{{ '{' }}{7", "{{ '{' }}{7"),
  );
});

test("what a template uses and nobody declares is found", () => {
  const body = { messages: [{ role: "user" as const, content: "{{ a }} {{- b.c }}" }], variables: { a: {} } };
  expect(undeclaredIn(body)).toEqual(["b"]);
});

test("typed values have the type of their variable, or are told apart", () => {
  const variables = { n: { type: "integer" as const }, s: {}, empty: {} };
  expect(valuesOf({ n: "3", s: "3", empty: "" }, variables)).toEqual({ values: { n: 3, s: "3" }, wrong: [] });
  expect(valuesOf({ n: "3.5" }, variables).wrong).toEqual(["n"]);
});

test("tool calls of a request are kept as they were, and shown", () => {
  const call = { id: "c1", type: "function", function: { name: "find", arguments: '{"q": 1}' } };
  const messages = [
    { role: "assistant", content: null, tool_calls: [call] },
    { role: "tool", tool_call_id: "c1", content: "found" },
  ];
  expect(fromRequest(messages)[0]?.tool_calls).toEqual([{ id: "c1", name: "find", arguments: { q: 1 } }]);
  expect(conversationOf(messages).map((one) => one.parts[0]?.kind)).toEqual(["tool-call", "tool-result"]);
});

test("events are read wherever the stream is cut", async () => {
  const bytes = new TextEncoder().encode('event: delta\ndata: {"text": "é"}\n\nevent: end\ndata: 1\n\n');
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const found = [];
  for await (const event of readEvents(stream)) found.push(event);
  expect(found).toEqual([
    { event: "delta", data: '{"text": "é"}' },
    { event: "end", data: "1" },
  ]);
});
