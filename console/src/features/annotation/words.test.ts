import { expect, test } from "vitest";
import { asConversation } from "./chat";
import { answered, beginWith, missingIn, optionsOf, stepped } from "./label/draft";
import type { Question } from "./types";
import { isDisputed, sayAlpha, sayAnswer, sayPace, trustIn } from "./words";

const BASE = { guidance: "", categories: [], least: null, most: null, required: true };
const GOOD: Question = { ...BASE, name: "good", type: "boolean" };
const TONE: Question = { ...BASE, name: "tone", type: "category", categories: [..."abcdefghijk"] };
const GRADE: Question = { ...BASE, name: "grade", type: "number", least: 0, most: 3, required: false };
const FIX: Question = { ...BASE, name: "fix", type: "text", required: false };

test("keys say yes and no, the first nine categories, and the digits of a scale", () => {
  expect(optionsOf(GOOD).map((one) => one.key)).toEqual(["1", "2"]);
  expect(optionsOf(TONE).map((one) => one.key)).toEqual([..."123456789", null, null]);
  expect(optionsOf(GRADE).map((one) => [one.key, one.value])).toEqual([
    ["0", 0],
    ["1", 1],
    ["2", 2],
    ["3", 3],
  ]);
  expect(optionsOf({ ...GRADE, most: 100 })).toEqual([]);
  expect(optionsOf({ ...GRADE, least: 0.5 })).toEqual([]);
  expect(optionsOf(FIX)).toEqual([]);
});

test("an answer leads to the next open question; a text stays where it is written", () => {
  const questions = [GOOD, TONE, FIX];
  const first = answered(beginWith({ label: null }), questions, 0, true);
  expect(first).toEqual({ answers: { good: true }, comment: "", active: 1 });
  expect(missingIn(first, questions)).toBe(1);
  const written = answered(first, questions, 2, "Say so.");
  expect(written.active).toBe(2);
  expect(answered(written, questions, 2, null).answers).toEqual({ good: true });
  expect(stepped({ ...first, active: 0 }, questions, 1).answers.good).toBe(false);
  expect(stepped({ ...first, active: 0 }, questions, -1).answers.good).toBe(true);
  expect(stepped(first, questions, -1).answers.tone).toBe("k");
});

test("answers and estimates are told in words", () => {
  expect([sayAnswer(true), sayAnswer(false), sayAnswer(3), sayAnswer("x"), sayAnswer(null)]).toEqual([
    "yes",
    "no",
    "3",
    "x",
    "–",
  ]);
  expect(isDisputed(GOOD, [true, false])).toBe(true);
  expect(isDisputed(GOOD, [true, undefined])).toBe(false);
  expect(isDisputed(FIX, ["a", "b"])).toBe(false);
  const alpha = (value: number) => ({ value, interval: { low: value, high: value } }) as never;
  expect(["good", "warn", "bad"]).toEqual([0.9, 0.7, 0.2].map((value) => trustIn(alpha(value))?.tone));
  expect([trustIn(null), sayAlpha(null).value]).toEqual([null, "–"]);
  expect([sayPace(null), sayPace(7.44), sayPace(42.4), sayPace(240)]).toEqual([
    "–",
    "7.4 s",
    "42 s",
    "4 min",
  ]);
});

test("chat completions are conversations with their tools and images; other values are not", () => {
  const said = asConversation([
    { role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id: "1", function: { name: "find", arguments: '{"a":1}' } }],
    },
    { role: "tool", tool_call_id: "1", content: "found" },
  ]);
  expect(said?.map((one) => one.parts.map((part) => part.kind))).toEqual([
    ["media"],
    ["tool-call"],
    ["tool-result"],
  ]);
  expect(said?.[1]?.parts[0]).toMatchObject({ name: "find", input: { a: 1 } });
  expect(asConversation({ messages: [{ role: "user", content: "Hi" }] })?.[0]?.parts).toEqual([
    { kind: "text", text: "Hi" },
  ]);
  expect(asConversation({ role: "user", parts: [{ type: "text", content: "Hi" }] })).toHaveLength(1);
  expect([asConversation("text"), asConversation({ a: 1 }), asConversation([1]), asConversation([])]).toEqual(
    [null, null, null, null],
  );
});
