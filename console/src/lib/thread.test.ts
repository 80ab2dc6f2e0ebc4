import { describe, expect, test } from "vitest";
import { speakers, thread } from "./thread";

const text = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });

function call(id: string, input: unknown, output: unknown, extra: object = {}) {
  return { span_id: id, parent_id: null, kind: "llm", name: "chat", started: 0, input, output, ...extra };
}

describe("a conversation over several calls", () => {
  test("says once what each call sends again", () => {
    const first = [text("system", "Be brief."), text("user", "Hello")];
    const answer = text("assistant", "Hi.");
    const turns = thread([
      call("a", first, [{ ...answer, finish_reason: "stop" }]),
      call("b", [...first, answer, text("user", "And now?")], [text("assistant", "Later.")]),
    ]);
    expect(turns.map((turn) => turn.repeated)).toEqual([0, 3]);
    expect(turns[1]?.input.map((message) => message.role)).toEqual(["user"]);
  });

  test("knows again a tool's call without its id and reasoning", () => {
    const asked = [text("user", "Weather?")];
    const made = {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "I need a tool." },
        { type: "tool_call", id: "1", name: "weather", arguments: '{"city":"Graz"}' },
      ],
    };
    const again = {
      role: "assistant",
      parts: [{ type: "tool_call", id: "other", name: "weather", arguments: { city: "Graz" } }],
    };
    const result = { role: "tool", parts: [{ type: "tool_call_response", id: "1", response: "12 °C" }] };
    const turns = thread([
      call("a", asked, [made]),
      call("b", [...asked, again, result], [text("assistant", "12")]),
    ]);
    expect(turns[1]?.repeated).toBe(2);
  });

  test("a call of another conversation begins anew", () => {
    const turns = thread([
      call("a", [text("user", "One")], [text("assistant", "1")]),
      call("b", [text("user", "Two")], [text("assistant", "2")]),
      call("c", [text("user", "One"), text("assistant", "1"), text("user", "Three")], []),
    ]);
    expect(turns.map((turn) => turn.repeated)).toEqual([0, 0, 2]);
  });
});

test("calls speak once: not the application's when the gateway's is there, not an attempt", () => {
  const spans = [
    call("app", null, null, { covered: true, started: 1 }),
    call("gate", null, null, { kind: "gateway", parent_id: "app", started: 2 }),
    call("try", null, null, { parent_id: "gate", started: 3 }),
    call("tool", null, null, { kind: "tool", started: 0 }),
    call("other", null, null, { started: 0 }),
  ];
  expect(speakers(spans).map((span) => span.span_id)).toEqual(["other", "gate"]);
});
