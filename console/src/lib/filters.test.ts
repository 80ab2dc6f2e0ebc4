import { describe, expect, test } from "vitest";
import {
  columnOf,
  describeFilter,
  FILTER_COLUMNS,
  type Filter,
  formatFilter,
  OPERATORS,
  operatorsOf,
  parseFilter,
  readTyped,
  withFilter,
} from "./filters";

describe("the text of a filter", () => {
  test("comes back as it went, for every operator and for awkward values", () => {
    for (const operator of OPERATORS) {
      for (const value of ["x", "a:b:c", "a,b", "ünï & = # %", "line\nbreak", " "]) {
        const filter: Filter =
          operator === "has" || operator === "missing"
            ? { column: "session", operator, value: "" }
            : { column: "session", operator, value };
        expect(parseFilter(formatFilter(filter))).toEqual(filter);
      }
    }
  });

  test.each(["", "status", "status:eq", "status:eq:", "status:nope:x", ":eq:x", "a b:eq:x", "status:has:x"])(
    "%j is no filter",
    (text) => expect(parseFilter(text)).toBeNull(),
  );

  test("reads for people, with units and the names of keys", () => {
    const read = (text: string) => {
      const filter = parseFilter(text);
      return filter && describeFilter(filter, { k1: "support-bot", k2: "eval" });
    };
    expect(read("duration:gte:2000000")).toBe("Latency ≥ 2.00 s");
    expect(read("cost:lt:10000000")).toBe("Cost < $0.010000");
    expect(read("key:in:k1,k2,k3")).toBe("Key is one of support-bot, eval, k3");
    expect(read("key:eq:k1")).toBe("Key is support-bot");
    expect(read("session:missing")).toBe("Session is not set");
  });
});

describe("what a person types", () => {
  test.each([
    ["duration", "2s", "2000000"],
    ["duration", "350 ms", "350000"],
    ["duration", "350", "350000"],
    ["duration", "1.5m", "90000000"],
    ["duration", "500us", "500"],
    ["duration", ".5s", "500000"],
    ["duration", "soon", null],
    ["duration", "-2s", null],
    ["money", "$0.01", "10000000"],
    ["money", "0.000123", "123000"],
    ["money", "1e9", null],
    ["count", "1.5k", "1500"],
    ["count", "2M", "2000000"],
    ["count", "many", null],
    ["text", "  a b ", "a b"],
    ["text", "   ", null],
  ] as const)("%s %j becomes %j", (type, text, value) => expect(readTyped(type, text)).toBe(value));
});

describe("adding a filter", () => {
  test("replaces the one that says the same", () =>
    expect(
      withFilter(["status:eq:ok", "cost:gte:1"], { column: "status", operator: "in", value: "error" }),
    ).toEqual(["cost:gte:1", "status:in:error"]));

  test("keeps the other bound of a range", () =>
    expect(
      withFilter(["duration:gte:1", "duration:lte:9"], { column: "duration", operator: "gt", value: "3" }),
    ).toEqual(["duration:lte:9", "duration:gt:3"]));
});

test("every column offers operators that its type has", () => {
  for (const column of FILTER_COLUMNS) expect(operatorsOf(column.type).length).toBeGreaterThan(0);
  expect(columnOf("tags.team")).toEqual({ id: "tags.team", label: "tags.team", type: "text" });
});
