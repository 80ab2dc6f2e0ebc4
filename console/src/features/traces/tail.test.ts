import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeEventSource } from "@/test/console";
import { makeRow } from "@/test/mock-data";
import { openTail, tailUrl } from "./tail";

const query = { project: "p", filter: ["status:eq:ok", "cost:gte:1"], q: "a b" };

describe("the stream of new calls", () => {
  beforeEach(() => {
    FakeEventSource.all = [];
    vi.stubGlobal("EventSource", FakeEventSource);
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  test("is asked for with the filters of the list", () =>
    expect(tailUrl(query, 7)).toBe(
      "/api/v1/traces/tail?project=p&filter=status%3Aeq%3Aok&filter=cost%3Agte%3A1&q=a+b&after=7",
    ));

  test("hands over rows in bunches", () => {
    const got: number[] = [];
    openTail(query, 0, (rows) => got.push(rows.length));
    for (let at = 1; at <= 3; at += 1) FakeEventSource.last?.send(makeRow(at, at));
    expect(got).toEqual([]);
    vi.advanceTimersByTime(300);
    expect(got).toEqual([3]);
  });

  test("reconnects ever more slowly, from a little before the newest row", () => {
    const tail = openTail(query, 0, () => {});
    FakeEventSource.last?.send(makeRow(1, 500_000_000));
    const waits = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    for (const wait of waits) {
      const count = FakeEventSource.all.length;
      FakeEventSource.last?.onerror?.();
      vi.advanceTimersByTime(wait - 1);
      expect(FakeEventSource.all).toHaveLength(count);
      vi.advanceTimersByTime(1);
      expect(FakeEventSource.all).toHaveLength(count + 1);
    }
    expect(FakeEventSource.last?.url).toContain("after=380000000");
    tail.close();
  });

  test("is quick again after it was open", () => {
    openTail(query, 0, () => {});
    FakeEventSource.last?.onerror?.();
    vi.advanceTimersByTime(1_000);
    FakeEventSource.last?.onopen?.();
    FakeEventSource.last?.onerror?.();
    vi.advanceTimersByTime(1_000);
    expect(FakeEventSource.all).toHaveLength(3);
  });

  test("closes for good: nothing is delivered or opened after", () => {
    const got: unknown[] = [];
    const tail = openTail(query, 0, (rows) => got.push(rows));
    FakeEventSource.last?.send(makeRow(1, 1));
    FakeEventSource.last?.onerror?.();
    tail.close();
    vi.advanceTimersByTime(60_000);
    expect(got).toEqual([]);
    expect(FakeEventSource.all).toHaveLength(1);
    expect(FakeEventSource.last?.closed).toBe(true);
  });
});
