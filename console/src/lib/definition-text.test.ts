import { describe, expect, test } from "vitest";
import { lineOf, parseText, pathOf, toText } from "./definition-text";

const TEXT = `variants:
  smart: openai/gpt-4o
  "gpt-4.1": {model: openai/gpt-4.1}
strategy:
  fallback:
    - smart
    - weighted: {smart: 1, "gpt-4.1": 2}
`;

test.each([
  ["strategy.fallback[0]", ["strategy", "fallback", 0]],
  ['variants["gpt-4.1"].model', ["variants", "gpt-4.1", "model"]],
  ["name", ["name"]],
])("the path %s has its steps", (field, steps) => expect(pathOf(field)).toEqual(steps));

test.each([
  ["variants.smart", 2],
  ['variants["gpt-4.1"].model', 3],
  ["strategy.fallback[1].weighted.smart", 7],
  ["strategy.fallback[9]", 5],
  ["retries.attempts", 1],
  [null, 1],
])("the field %s is on line %i, or the nearest above it is", (field, line) =>
  expect(lineOf(TEXT, field)).toBe(line),
);

describe("what people write", () => {
  test("may be YAML or JSON", () => {
    expect(parseText("a: 1").value).toEqual({ a: 1 });
    expect(parseText('{"a": 1}').value).toEqual({ a: 1 });
  });

  test("is read back as it was written out", () => {
    const definition = { strategy: { weighted: { a: 90, b: 10 } }, cache: { ttl: "1h" }, answer: "yes" };
    expect(parseText(toText(definition)).value).toEqual(definition);
  });

  test("has its errors on their lines", () => {
    const { value, problems } = parseText("a: 1\nb: [1, 2\nc: 3\n");
    expect(value).toBeNull();
    expect(problems[0]?.line).toBeGreaterThanOrEqual(2);
  });

  test.each(["", "- 1", "text"])("%j is no definition", (text) => {
    expect(parseText(text)).toEqual({
      value: null,
      problems: [{ message: "Expected fields and their values.", line: 1 }],
    });
  });

  test("cannot make itself endless with aliases", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (const [one, before] of ["ba", "cb", "dc", "ed"])
      bomb.push(`${one}: &${one} [${Array(9).fill(`*${before}`).join(",")}]`);
    expect(parseText(bomb.join("\n")).value).toBeNull();
  });
});
