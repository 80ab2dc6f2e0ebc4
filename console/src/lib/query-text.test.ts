import { describe, expect, test } from "vitest";
import { hasTerm, replaceRange, splitTerms, termOf, toggleTerm, withTerm, writeValue } from "./query-text";

describe("the terms of a text", () => {
  test("are told apart at gaps, not within quotes or parentheses", () =>
    expect(splitTerms('status:error user:"a b" (tag.env:prod or tag.env:staging) and -route:batch')).toEqual([
      "status:error",
      'user:"a b"',
      "(tag.env:prod or tag.env:staging)",
      "-route:batch",
    ]));

  test("an escaped quote does not end a quote", () =>
    expect(splitTerms('user:"a \\" b" next')).toEqual(['user:"a \\" b"', "next"]));

  test("a quote that nobody ended goes to the end", () =>
    expect(splitTerms('a "b c')).toEqual(["a", '"b c']));

  test("that hang on an or are not told apart", () => expect(splitTerms("a:1 or b:2")).toBeNull());
});

describe("a value", () => {
  test.each([
    ["error", "error"],
    ["openai/gpt-4o-mini", "openai/gpt-4o-mini"],
    ["a b", '"a b"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["back\\slash", '"back\\\\slash"'],
    ["claude*", '"claude*"'],
    ["1..3", '"1..3"'],
    ["", '""'],
    ["-x", '"-x"'],
  ])("%s is written %s", (value, text) => expect(writeValue(value)).toBe(text));

  test("that is not there has a term of its own", () => expect(termOf("route", null)).toBe("missing:route"));
});

describe("a click", () => {
  test("adds a term, and again takes it away", () => {
    const added = toggleTerm("latency>2s", "status:error");
    expect(added).toBe("latency>2s status:error");
    expect(hasTerm(added, "status:error")).toBe(true);
    expect(toggleTerm(added, "status:error")).toBe("latency>2s");
  });

  test("on a text with an or does not change what it means", () =>
    expect(withTerm("a:1 or b:2", "status:ok")).toBe("(a:1 or b:2) status:ok"));

  test("that says it again changes nothing", () => expect(withTerm("a:1", "a:1")).toBe("a:1"));
});

describe("a completion", () => {
  test("of a name leaves the caret for the value", () =>
    expect(replaceRange("sta", { from: 0, to: 3 }, "status:")).toEqual({ text: "status:", cursor: 7 }));

  test("of a value goes on with a gap", () =>
    expect(replaceRange("status:er", { from: 7, to: 9 }, "error")).toEqual({
      text: "status:error ",
      cursor: 13,
    }));

  test("in the middle keeps what follows", () =>
    expect(replaceRange("status:er route:x", { from: 7, to: 9 }, "error").text).toBe("status:error route:x"));
});
