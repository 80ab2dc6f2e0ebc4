import { describe, expect, test } from "vitest";
import { describeFilter, parseFilter } from "./filters";

describe("the text of a filter", () => {
  test.each(["x", "a:b:c", "a,b", "ünï & = # %", "line\nbreak", " "])("may hold the value %j", (value) =>
    expect(parseFilter(`session:contains:${value}`)).toEqual({
      column: "session",
      operator: "contains",
      value,
    }),
  );

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
