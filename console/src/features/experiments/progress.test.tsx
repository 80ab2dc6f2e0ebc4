import { act, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeEventSource, openConsole, show } from "@/test/console";
import { openProgress, type ProgressEvent } from "./use-progress";

const counts = { total: 80, done: 60, errors: 1, cached: 0, unscored: 0, cost: 12_000_000, unpriced: 0 };
const moved: ProgressEvent = {
  state: "running",
  reason: null,
  counts,
  runner: "console",
  lease: null,
  started: 1,
  finished: null,
  rate: 3.25,
  left: 6,
  cost_expected: 16_000_000,
};

async function opened(): Promise<FakeEventSource> {
  await waitFor(() => expect(FakeEventSource.last?.url).toContain("/experiments/e2/progress?project="));
  return FakeEventSource.last as FakeEventSource;
}

test("a running one is told of by the console: how fast it goes, what is left, what it will cost", async () => {
  const page = openConsole("/experiments/e2");
  show(page);
  const progress = await screen.findByRole("region", { name: "How far it is" });
  const stream = await opened();
  act(() => stream.sendEvent("progress", moved));
  await waitFor(() => expect(progress.textContent).toContain("61 of 80"));
  expect(progress.textContent).toContain("3.3/s");
  expect(progress.textContent).toContain("6 s");
  expect(progress.textContent).toContain("about $0.0160 at its end");
  act(() =>
    stream.sendEvent("end", { ...moved, state: "done", counts: { ...counts, done: 79 }, rate: null }),
  );
  await waitFor(() => expect(progress.textContent).toContain("80 of 80"));
  expect(stream.closed).toBe(true);
  expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
});

test("one that has ended is not listened to", async () => {
  const page = openConsole("/experiments/e1");
  show(page);
  await screen.findByRole("region", { name: "How far it is" });
  expect(FakeEventSource.all.filter((one) => one.url.includes("/progress"))).toEqual([]);
});

test("leaving the page ends the stream", async () => {
  const page = openConsole("/experiments/e2");
  show(page);
  const stream = await opened();
  act(() => page.history.push("/experiments"));
  await waitFor(() => expect(stream.closed).toBe(true));
});

test("cut off, it asks by itself again as before", async () => {
  const page = openConsole("/experiments/e2");
  show(page);
  const stream = await opened();
  act(() => stream.sendEvent("progress", moved));
  const asked = () =>
    page.requests.filter((one) => one.method === "GET" && one.url.pathname === "/api/v1/experiments/e2")
      .length;
  const before = asked();
  act(() => stream.onerror?.());
  await waitFor(() => expect(asked()).toBeGreaterThan(before), { timeout: 3_000 });
});

beforeEach(() => void vi.stubGlobal("EventSource", FakeEventSource));
afterEach(() => void vi.useRealTimers());

test("refused, it tries again ever more slowly; cut off, it leaves that to the browser", () => {
  vi.useFakeTimers();
  FakeEventSource.all = [];
  const live: boolean[] = [];
  const stream = openProgress("/x", { onProgress: () => {}, onLive: (one) => live.push(one) });
  const fail = (state: number) => {
    const last = FakeEventSource.last as FakeEventSource;
    last.readyState = state;
    last.onerror?.();
  };
  fail(FakeEventSource.CONNECTING);
  vi.advanceTimersByTime(60_000);
  expect(FakeEventSource.all).toHaveLength(1);
  fail(FakeEventSource.CLOSED);
  vi.advanceTimersByTime(2_000);
  expect(FakeEventSource.all).toHaveLength(2);
  fail(FakeEventSource.CLOSED);
  vi.advanceTimersByTime(2_000);
  expect(FakeEventSource.all).toHaveLength(2);
  vi.advanceTimersByTime(2_000);
  expect(FakeEventSource.all).toHaveLength(3);
  FakeEventSource.last?.sendEvent("progress", moved);
  expect(live).toEqual([false, false, false, true]);
  fail(FakeEventSource.CLOSED);
  stream.close();
  vi.advanceTimersByTime(60_000);
  expect(FakeEventSource.all).toHaveLength(3);
});
