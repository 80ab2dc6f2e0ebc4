import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { canRepeat, curlOf, quote, requestBody } from "./curl";

const GATEWAY = "http://127.0.0.1:4100";
const conversation = [
  { role: "system", parts: [{ type: "text", content: "Be brief." }] },
  {
    role: "user",
    parts: [
      { type: "text", content: "What's this?" },
      { type: "uri", modality: "image", uri: "https://x/y.png" },
    ],
  },
  {
    role: "assistant",
    parts: [
      { type: "reasoning", content: "hm" },
      { type: "tool_call", id: "c1", name: "look", arguments: { at: 1 } },
    ],
  },
  { role: "tool", parts: [{ type: "tool_call_response", id: "c1", response: "a cat" }] },
];

describe("a chat call", () => {
  const call = {
    operation: "chat",
    stream: true,
    requested_model: "openai/gpt-4o-mini",
    input: conversation,
    attributes: {
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.max_tokens": 50,
      "gen_ai.request.stop_sequences": ["END"],
    },
  };

  test("is rebuilt in OpenAI's dialect, tools and parameters included", () =>
    expect(requestBody(call)).toEqual({
      model: "openai/gpt-4o-mini",
      messages: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "What's this?" },
            { type: "image_url", image_url: { url: "https://x/y.png" } },
          ],
        },
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"at":1}' } }],
        },
        { role: "tool", tool_call_id: "c1", content: "a cat" },
      ],
      temperature: 0.2,
      max_tokens: 50,
      stop: ["END"],
      stream: true,
    }));

  test("names no secret: the key is a variable of the shell", () => {
    const command = curlOf(call, GATEWAY);
    expect(command).toContain("curl -N http://127.0.0.1:4100/v1/chat/completions");
    expect(command).toContain('-H "Authorization: Bearer $PENSTOCK_KEY"');
  });
});

test("a Messages call is rebuilt in Anthropic's dialect", () => {
  const call = { operation: "messages", stream: false, route: "writer", input: conversation, attributes: {} };
  expect(requestBody(call)).toEqual({
    model: "writer",
    max_tokens: 1024,
    system: "Be brief.",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "What's this?" },
          { type: "image", source: { type: "url", url: "https://x/y.png" } },
        ],
      },
      { role: "assistant", content: [{ type: "tool_use", id: "c1", name: "look", input: { at: 1 } }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "c1", content: "a cat" }] },
    ],
  });
  const command = curlOf(call, GATEWAY);
  expect(command).toContain("/v1/messages ");
  expect(command).toContain('"x-api-key: $PENSTOCK_KEY"');
  expect(command).toContain("anthropic-version");
});

test("counting tokens sends no parameters that the endpoint refuses", () =>
  expect(
    Object.keys(
      requestBody({ operation: "count_tokens", stream: false, requested_model: "m", input: conversation }),
    ),
  ).toEqual(["model", "system", "messages"]));

test("a Responses call is rebuilt as items", () => {
  const body = requestBody({
    operation: "responses",
    stream: false,
    requested_model: "m",
    input: conversation,
    attributes: { "gen_ai.request.max_tokens": 9 },
  });
  expect(body.max_output_tokens).toBe(9);
  expect((body.input as { type?: string; role?: string }[]).map((item) => item.type ?? item.role)).toEqual([
    "system",
    "user",
    "function_call",
    "function_call_output",
  ]);
});

test("one embedded text is a string, several are a list", () => {
  const input = (...texts: string[]) =>
    requestBody({
      operation: "embeddings",
      stream: false,
      requested_model: "m",
      input: texts.map((content) => ({ role: "user", parts: [{ type: "text", content }] })),
    }).input;
  expect(input("a")).toBe("a");
  expect(input("a", "b")).toEqual(["a", "b"]);
});

test("bytes that were not recorded are said to be missing", () =>
  expect(
    requestBody({
      operation: "chat",
      stream: false,
      input: [
        { role: "user", parts: [{ type: "blob", modality: "image", mime_type: "image/png", size: 9 }] },
      ],
    }).messages,
  ).toEqual([{ role: "user", content: "[image/png: its bytes were not recorded]" }]));

test("only operations of the gateway can be repeated", () => {
  expect(canRepeat("chat")).toBe(true);
  expect(canRepeat("")).toBe(false);
});

test("a shell reads the quoted text as it was, and runs none of it (FAILURES S20)", () => {
  for (const text of [
    "it's",
    "$(touch /tmp/x) `id`",
    'a "b" \\ c',
    "line\nbreak",
    "",
    "'; echo gone; '",
    "plain-1.0",
  ]) {
    const shown = execFileSync("/bin/sh", ["-c", `printf %s ${quote(text)}`], { encoding: "utf8" });
    expect(shown).toBe(text);
  }
});
