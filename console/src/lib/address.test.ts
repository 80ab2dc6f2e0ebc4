import { describe, expect, test } from "vitest";
import { safeNext } from "@/features/signin/search";
import { validateTrace, validateTraces } from "@/features/traces/search";
import { validateShared } from "./address";
import { parseSearch, stringifySearch } from "./search-params";
import { fromLocalInput, readRange, toLocalInput, windowOf, writeRange } from "./time-range";

describe("an address", () => {
  test("keeps filters, search and range through a round trip", () => {
    const search = {
      project: "research & more",
      range: "7d",
      filter: ["status:in:error,blocked", "name:contains:a=b&c:d #1"],
      q: "naïve + simple",
    };
    const parsed = parseSearch(stringifySearch(search).slice(1));
    expect(parsed).toMatchObject(search);
    expect(validateTraces(parsed)).toMatchObject({ filter: search.filter, q: search.q });
  });

  test("stays readable: colons and slashes are not escaped", () =>
    expect(stringifySearch({ filter: ["served_model:eq:openai/gpt-4o"] })).toBe(
      "?filter=served_model:eq:openai/gpt-4o",
    ));

  test("leaves out what is not set", () =>
    expect(stringifySearch({ q: "", live: undefined, filter: [], cols: null })).toBe(""));

  test("holds one filter as a list of one", () =>
    expect(validateTraces(parseSearch("filter=status:eq:ok")).filter).toEqual(["status:eq:ok"]));

  test("drops what cannot be read", () => {
    expect(validateTraces(parseSearch("filter=nonsense&filter=status:eq:ok")).filter).toEqual([
      "status:eq:ok",
    ]);
    expect(validateShared(parseSearch("range=1y&from=abc&live=maybe"))).toEqual({
      project: undefined,
      range: undefined,
      from: undefined,
      to: undefined,
      live: undefined,
    });
    expect(validateTrace(parseSearch("span=../../x&tab=nope"))).toEqual({ span: undefined, tab: undefined });
  });

  test("cannot reach into the prototype of the search (FAILURES S26)", () => {
    const parsed = parseSearch("__proto__=x&constructor=y");
    expect(Object.getPrototypeOf(parsed)).toBeNull();
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });
});

describe("a time range", () => {
  const now = Date.parse("2026-07-01T12:00:00Z") * 1000;

  test("of a preset moves with the clock", () =>
    expect(windowOf({ preset: "1h" }, now)).toEqual({ from: now - 3_600_000_000, to: now }));

  test("of two moments stays", () => expect(windowOf({ from: 1, to: 2 }, now)).toEqual({ from: 1, to: 2 }));

  test("that ends before it starts falls back to the usual one", () =>
    expect(readRange({ from: 5, to: 5 })).toEqual({ preset: "24h" }));

  test("comes back from the address as it was written", () => {
    for (const range of [{ preset: "15m" }, { preset: "24h" }, { from: 1, to: 2 }] as const)
      expect(
        readRange(validateShared(parseSearch(stringifySearch({ ...writeRange(range) }).slice(1)))),
      ).toEqual(range);
  });

  test("goes through the fields of the custom form", () => {
    expect(fromLocalInput(toLocalInput(now))).toBe(now);
    expect(fromLocalInput("never")).toBeNull();
  });
});

test("after signing in one goes to a page of this console and nowhere else", () => {
  expect(safeNext("/traces?q=x")).toBe("/traces?q=x");
  for (const bad of [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/a\\b",
    "/\tx",
    "javascript:1",
    "",
    undefined,
    "/signin?next=/x",
  ])
    expect(safeNext(bad)).toBeUndefined();
});
