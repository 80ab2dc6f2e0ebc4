import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { FakeEventSource, openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";

const bodyRows = () => screen.getAllByRole("row").slice(1);
const rowTexts = () => bodyRows().map((row) => row.textContent ?? "");
const listRequests = (page: ReturnType<typeof openConsole>) =>
  page.requests.filter((request) => request.url.pathname === "/api/v1/traces");

describe("the list", () => {
  test("shows calls newest first and draws only those in view", async () => {
    const page = openConsole("/traces", { rows: 300 });
    show(page);
    await screen.findByText(/Time \(UTC\)/);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(10));
    expect(bodyRows().length).toBeLessThan(60);
    expect(screen.getByRole("table").getAttribute("aria-rowcount")).toBe("100");
  });

  test("asks for the next page by its cursor when one nears the end", async () => {
    const page = openConsole("/traces", { rows: 300 });
    show(page);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(10));
    const table = screen.getByRole("table");
    table.scrollTop = 80 * 32;
    fireEvent.scroll(table);
    await waitFor(() => expect(listRequests(page).at(-1)?.url.searchParams.get("cursor")).toBe("100"));
    await waitFor(() => expect(Number(table.getAttribute("aria-rowcount"))).toBeGreaterThanOrEqual(200));
  });

  test("moves with j and k, opens with Enter, lets go with Escape", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
    const selected = () => bodyRows().findIndex((row) => row.hasAttribute("data-selected"));
    await page.user.keyboard("jjj");
    expect(selected()).toBe(2);
    await page.user.keyboard("k");
    expect(selected()).toBe(1);
    await page.user.keyboard("{Escape}");
    expect(selected()).toBe(-1);
    await page.user.keyboard("j{Enter}");
    await waitFor(() => expect(page.history.location.pathname).toBe(`/traces/${page.api.rows[0]?.trace_id}`));
  });

  test("without calls shows how to make one; with filters how to widen", async () => {
    show(openConsole("/traces", { rows: 0 }));
    expect(await screen.findByText("No calls in this time range.")).toBeTruthy();
  });

  test("with filters that match nothing offers to clear them", async () => {
    const page = openConsole("/traces?filter=provider:eq:nobody");
    show(page);
    await screen.findByText("No call matches.");
    await page.user.click(screen.getByRole("button", { name: "Clear the filters" }));
    await waitFor(() => expect(page.history.location.search).toBe(""));
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
  });

  test("says why it cannot be shown", async () => {
    const page = openConsole("/traces");
    page.override(
      "/api/v1/traces",
      problem(400, "unknown_column", "There is no column modle.", "Did you mean model?"),
    );
    show(page);
    expect((await screen.findByRole("alert")).textContent).toContain("Did you mean model?");
  });

  test("holds its place while it loads", async () => {
    const page = openConsole("/traces");
    page.override("/api/v1/traces", "never");
    show(page);
    expect(await screen.findByRole("status", { name: "Loading calls" })).toBeTruthy();
  });
});

describe("filters", () => {
  test("of the address are sent as they stand, and shown for people", async () => {
    const page = openConsole("/traces?filter=status:in:error&filter=duration:gte:1000000&q=shoes&range=7d");
    show(page);
    expect(await screen.findByText("Latency ≥ 1.00 s")).toBeTruthy();
    await waitFor(() => expect(listRequests(page).length).toBeGreaterThan(0));
    const { searchParams } = listRequests(page)[0]?.url ?? new URL("http://x");
    expect(searchParams.getAll("filter")).toEqual(["status:in:error", "duration:gte:1000000"]);
    expect(searchParams.get("q")).toBe("shoes");
  });

  test("are made from the values that occur, in the head of a column", async () => {
    const page = openConsole("/traces");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Filter by Provider" }));
    await page.user.click(await screen.findByRole("checkbox", { name: "anthropic" }));
    await page.user.click(screen.getByRole("button", { name: "Apply" }));
    await waitFor(() => expect(page.history.location.search).toBe("?filter=provider:in:anthropic"));
    await waitFor(() => expect(rowTexts().every((text) => text.includes("anthropic"))).toBe(true));
  });

  test("on a time are typed with a unit, and a wrong one is not taken", async () => {
    const page = openConsole("/traces");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Filter by Latency" }));
    const value = await screen.findByRole("textbox", { name: "Value" });
    await page.user.type(value, "soon");
    expect(screen.getByRole("button", { name: "Apply" })).toHaveProperty("disabled", true);
    await page.user.clear(value);
    await page.user.type(value, "2s{Enter}");
    await waitFor(() => expect(page.history.location.search).toBe("?filter=duration:gte:2000000"));
  });

  test("are taken away one by one", async () => {
    const page = openConsole("/traces?filter=status:eq:ok&filter=provider:eq:openai");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Remove: Status is ok" }));
    await waitFor(() => expect(page.history.location.search).toBe("?filter=provider:eq:openai"));
  });

  test("a slash goes to the search, and what is typed goes to the address", async () => {
    const page = openConsole("/traces");
    show(page);
    const box = await screen.findByRole("textbox", { name: "Search input and output" });
    await page.user.keyboard("/");
    expect(document.activeElement).toBe(box);
    await page.user.keyboard("sheep{Enter}");
    await waitFor(() => expect(page.history.location.search).toBe("?q=sheep"));
    await waitFor(() => expect(rowTexts().every((text) => text.includes("sheep"))).toBe(true));
  });
});

describe("the tail", () => {
  test("puts a new call on top while one is at the top", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(FakeEventSource.last).toBeTruthy());
    expect(FakeEventSource.last?.url).toContain(`after=${page.api.rows[0]?.started}`);
    const arrived = page.api.arrive();
    act(() => FakeEventSource.last?.send({ ...arrived, input_preview: "the newest question" }));
    await waitFor(() => expect(rowTexts()[0]).toContain("the newest question"));
  });

  test("moves nothing while one reads further down: it counts, and shows on a click", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(FakeEventSource.last).toBeTruthy());
    await page.user.keyboard("jj");
    const before = rowTexts();
    const arrived = page.api.arrive();
    act(() => {
      FakeEventSource.last?.send({ ...arrived, input_preview: "the newest question" });
      FakeEventSource.last?.send({ ...arrived, input_preview: "the newest question" });
    });
    const pill = await screen.findByRole("button", { name: "1 new" });
    expect(rowTexts()).toEqual(before);
    await page.user.click(pill);
    await waitFor(() => expect(rowTexts()[0]).toContain("the newest question"));
  });

  test("stops when paused, and the address says so", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(FakeEventSource.last).toBeTruthy());
    await page.user.click(screen.getByRole("button", { name: "Live" }));
    await waitFor(() => expect(FakeEventSource.last?.closed).toBe(true));
    expect(page.history.location.search).toBe("?live=off");
    expect(screen.getByRole("button", { name: "Paused" })).toBeTruthy();
  });

  test("says that it lost the console", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(FakeEventSource.last).toBeTruthy());
    act(() => FakeEventSource.last?.onerror?.());
    expect(await screen.findByRole("button", { name: "Reconnecting" })).toBeTruthy();
    act(() => FakeEventSource.last?.onopen?.());
    expect(await screen.findByRole("button", { name: "Live" })).toBeTruthy();
  });
});

test("columns are chosen in the address", async () => {
  const page = openConsole("/traces?cols=time,user");
  show(page);
  await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
  expect(
    within(screen.getByRole("table"))
      .getAllByRole("columnheader")
      .map((head) => head.textContent?.trim()),
  ).toEqual(["Time (UTC)", "User"]);
});
