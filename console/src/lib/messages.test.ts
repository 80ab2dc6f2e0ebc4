import { describe, expect, test } from "vitest";
import { readMessages, textOf } from "./messages";

describe("recorded messages", () => {
  test("keep text, reasoning, tools and media apart", () => {
    const [message] = readMessages([
      {
        role: "assistant",
        finish_reason: "tool_calls",
        parts: [
          { type: "reasoning", content: "hm" },
          { type: "text", content: "Let me look." },
          { type: "tool_call", id: "c1", name: "find", arguments: { q: 1 } },
          { type: "blob", modality: "image", mime_type: "image/png", size: 12, sha256: "x" },
          { type: "uri", modality: "image", mime_type: null, uri: "https://x/y.png" },
        ],
      },
    ]);
    expect(message?.finishReason).toBe("tool_calls");
    expect(message?.parts.map((part) => part.kind)).toEqual([
      "reasoning",
      "text",
      "tool-call",
      "media",
      "media",
    ]);
    expect(message && textOf(message)).toBe("Let me look.");
  });

  test("open JSON that stands in text, and leave other text alone", () => {
    const [call] = readMessages([
      { role: "assistant", parts: [{ type: "tool_call", id: "1", name: "f", arguments: '{"a":1}' }] },
    ]);
    const [broken] = readMessages([
      { role: "assistant", parts: [{ type: "tool_call", id: "1", name: "f", arguments: '{"a":' }] },
    ]);
    expect(call?.parts[0]).toMatchObject({ input: { a: 1 } });
    expect(broken?.parts[0]).toMatchObject({ input: '{"a":' });
  });

  test("join a tool's result when it is nothing but text", () => {
    const result = (response: unknown) =>
      readMessages([{ role: "tool", parts: [{ type: "tool_call_response", id: "1", response }] }])[0]
        ?.parts[0];
    expect(
      result([
        { type: "text", content: "a" },
        { type: "text", content: "b" },
      ]),
    ).toMatchObject({ output: "a\nb" });
    expect(
      result([
        { type: "text", content: "a" },
        { type: "blob", size: 1 },
      ]),
    ).toMatchObject({
      output: [
        { type: "text", content: "a" },
        { type: "blob", size: 1 },
      ],
    });
    expect(result("plain")).toMatchObject({ output: "plain", failed: false });
  });

  test("lose nothing that they do not know", () => {
    expect(readMessages([{ role: "user", parts: [{ type: "hologram", x: 1 }, 7] }])[0]?.parts).toEqual([
      { kind: "other", value: { type: "hologram", x: 1 } },
      { kind: "other", value: 7 },
    ]);
    expect(readMessages({ some: "thing" })[0]?.parts).toEqual([{ kind: "other", value: { some: "thing" } }]);
  });

  test("may use OpenAI's plain content", () =>
    expect(readMessages([{ role: "user", content: "hi" }])[0]?.parts).toEqual([
      { kind: "text", text: "hi" },
    ]));

  test.each([null, undefined, []])("%j holds none", (value) => expect(readMessages(value)).toEqual([]));
});
