import { act, fireEvent, screen, waitFor, within } from "@testing-library/react";
import { afterEach, describe, expect, test } from "vitest";
import { FakeEventSource, openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";
import { OVERLAP_US } from "./tail";

const bodyRows = () => screen.getAllByRole("row").slice(1);
const rowTexts = () => bodyRows().map((row) => row.textContent ?? "");
const listRequests = (page: ReturnType<typeof openConsole>) =>
  page.requests.filter((request) => request.url.pathname === "/api/v1/traces");

afterEach(() => window.localStorage.clear());

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

describe("the filter", () => {
  const field = () => screen.findByRole("combobox", { name: "Filter traces" });

  test("of an old link is sent as it stands, and shown for people", async () => {
    const page = openConsole("/traces?filter=status:in:error&filter=duration:gte:1000000&q=shoes&range=7d");
    show(page);
    expect(await screen.findByText("Latency ≥ 1.00 s")).toBeTruthy();
    await waitFor(() => expect(listRequests(page).length).toBeGreaterThan(0));
    const { searchParams } = listRequests(page)[0]?.url ?? new URL("http://x");
    expect(searchParams.getAll("filter")).toEqual(["status:in:error", "duration:gte:1000000"]);
    expect(searchParams.get("q")).toBe("shoes");
  });

  test("of an old link is taken away part by part", async () => {
    const page = openConsole("/traces?filter=status:eq:ok&filter=provider:eq:openai");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Remove: Status is ok" }));
    await waitFor(() => expect(page.history.location.search).toBe("?filter=provider:eq:openai"));
  });

  test("is reached with a slash, and what is typed goes to the address", async () => {
    const page = openConsole("/traces");
    show(page);
    const box = await field();
    await page.user.keyboard("/");
    expect(document.activeElement).toBe(box);
    await page.user.keyboard("sheep provider:openai{Enter}");
    await waitFor(() => expect(page.history.location.search).toBe("?q=sheep+provider:openai"));
    await waitFor(() => expect(rowTexts().every((text) => text.includes("sheep"))).toBe(true));
  });

  test("is completed by the keyboard: names first, then the values that occur", async () => {
    const page = openConsole("/traces");
    show(page);
    await page.user.type(await field(), "stat");
    expect(await screen.findByRole("option", { name: /^status/ })).toBeTruthy();
    await page.user.keyboard("{ArrowDown}{Tab}");
    await page.user.click(await screen.findByRole("option", { name: /^error/ }));
    await waitFor(async () => expect(await field()).toHaveProperty("value", "status:error "));
    await page.user.keyboard("{Enter}");
    await waitFor(() => expect(page.history.location.search).toBe("?q=status:error"));
  });

  test("that cannot be read says where and why, under itself", async () => {
    const page = openConsole("/traces?q=route:x+statos:error");
    show(page);
    const told = await screen.findByRole("alert");
    expect(told.textContent).toContain("Did you mean 'status'?");
    expect(told.querySelector("mark")?.textContent).toBe("statos");
    expect(screen.getByText("The filter cannot be read.")).toBeTruthy();
    const box = await field();
    expect(box.getAttribute("aria-invalid")).toBe("true");
    await page.user.clear(box);
    await page.user.type(box, "status:error{Enter}");
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(0));
  });

  test("grows and shrinks by clicks on the values that occur", async () => {
    window.localStorage.setItem("penstock.traces.facets", "true");
    const page = openConsole("/traces");
    show(page);
    const panel = await screen.findByRole("complementary", { name: "Values that occur" });
    const providers = await within(panel).findByRole("region", { name: "Provider" });
    const value = within(providers).getByRole("button", { name: /^anthropic/ });
    await page.user.click(value);
    await waitFor(() => expect(page.history.location.search).toBe("?q=provider:anthropic"));
    await waitFor(() => expect(rowTexts().every((text) => text.includes("claude"))).toBe(true));
    await page.user.click(within(panel).getByRole("button", { pressed: true }));
    await waitFor(() => expect(page.history.location.search).toBe(""));
  });
});

describe("the order", () => {
  test("is by the most on the first click, by the least on the second, as usual on the third", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    const head = () => screen.findByRole("button", { name: "Cost" });
    await page.user.click(await head());
    await waitFor(() => expect(page.history.location.search).toBe("?sort=-cost"));
    await waitFor(() => expect(listRequests(page).at(-1)?.url.searchParams.get("sort")).toBe("-cost"));
    expect(FakeEventSource.last?.closed).toBe(true);
    await page.user.click(await head());
    await waitFor(() => expect(page.history.location.search).toBe("?sort=cost"));
    await page.user.click(await head());
    await waitFor(() => expect(page.history.location.search).toBe(""));
  });
});

describe("groups", () => {
  test("are counted by one or two columns, and open their calls", async () => {
    const page = openConsole("/traces?group=provider");
    show(page);
    const table = await screen.findByRole("table", { name: "Groups" });
    await page.user.click(await within(table).findByText("anthropic"));
    await waitFor(() => expect(page.history.location.search).toBe("?q=provider:anthropic"));
  });
});

describe("estimates", () => {
  const asked = (page: ReturnType<typeof openConsole>, path: string) =>
    page.requests
      .filter((request) => request.url.pathname === path)
      .map(({ url }) => url.searchParams.get("exact"));

  test("say what they are worth in the panel, and are counted by the keyboard", async () => {
    window.localStorage.setItem("penstock.traces.facets", "true");
    const page = openConsole("/traces?q=sheep");
    page.api.looking.sampled = true;
    show(page);
    const panel = await screen.findByRole("complementary", { name: "Values that occur" });
    const providers = await within(panel).findByRole("region", { name: "Provider" });
    const value = () => within(providers).getAllByRole("button")[0];
    expect(value()?.textContent).toContain("≈ ");
    expect(value()?.title).toMatch(/From a sample of 0\.30% of the spans; ± 4\.0%; which are the largest/);
    within(panel).getByRole("button", { name: "Count exactly" }).focus();
    await page.user.keyboard("{Enter}");
    await waitFor(() => expect(value()?.textContent).not.toContain("≈"));
    expect(value()?.title).not.toContain("sample");
    expect(within(panel).queryByRole("button", { name: "Count exactly" })).toBeNull();
    expect(asked(page, "/api/v1/facets")).toEqual([null, "true"]);
  });

  test("stand in groups too, until they are counted or another question is asked", async () => {
    const page = openConsole("/traces?q=sheep&group=provider");
    page.api.looking.sampled = true;
    show(page);
    const table = await screen.findByRole("table", { name: "Groups" });
    await waitFor(() => expect(rowTexts().every((text) => text.includes("≈ "))).toBe(true));
    expect(
      within(table).getAllByTitle(/^From a sample of 0\.30% of the spans; ± 4\.0%; which are the largest/)
        .length,
    ).toBeGreaterThan(0);
    await page.user.click(screen.getByRole("button", { name: "Count exactly" }));
    await waitFor(() => expect(rowTexts().some((text) => text.includes("≈"))).toBe(false));
    act(() => page.history.push("/traces?q=provider:openai&group=provider"));
    expect(await screen.findByRole("button", { name: "Count exactly" })).toBeTruthy();
    expect(asked(page, "/api/v1/groups")).toEqual([null, "true", null]);
  });
});

describe("rows that are ticked", () => {
  test("are exported or compared", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
    await page.user.keyboard("jxjx");
    const bar = await screen.findByText("2 selected");
    expect(bar).toBeTruthy();
    await page.user.click(screen.getByRole("button", { name: "Compare" }));
    const [one, other] = page.api.rows;
    await waitFor(() =>
      expect(page.history.location.href).toBe(`/traces/compare?a=${one?.trace_id}&b=${other?.trace_id}`),
    );
  });
});

describe("views", () => {
  test("are kept under a name and applied", async () => {
    const page = openConsole("/traces?q=provider:openai&sort=-cost");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Saved views" }));
    await page.user.click(await screen.findByRole("menuitem", { name: "Save this view…" }));
    await page.user.type(await screen.findByRole("textbox", { name: "Name" }), "Dear ones");
    await page.user.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() => expect(page.api.looking.views[0]?.document.q).toBe("provider:openai"));
    expect(page.api.looking.views[0]?.document.sort).toBe("-cost");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    act(() => page.history.push("/traces"));
    await page.user.click(await screen.findByRole("button", { name: "Saved views" }));
    await page.user.click(await screen.findByRole("menuitem", { name: "Dear ones" }));
    await waitFor(() => expect(page.history.location.search).toContain("q=provider:openai"));
    expect(page.history.location.search).toContain("sort=-cost");
  });
});

describe("the tail", () => {
  test("puts a new call on top while one is at the top", async () => {
    const page = openConsole("/traces", { rows: 20 });
    show(page);
    await waitFor(() => expect(FakeEventSource.last).toBeTruthy());
    const newest = page.api.rows[0]?.started ?? 0;
    expect(FakeEventSource.last?.url).toContain(`after=${newest - OVERLAP_US}`);
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

const heads = () =>
  within(screen.getByRole("table"))
    .getAllByRole("columnheader")
    .map((head) => head.textContent?.trim())
    .filter(Boolean);

describe("columns", () => {
  test("of the address go first", async () => {
    const page = openConsole("/traces?cols=time,user");
    show(page);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
    expect(heads()).toEqual(["Time (UTC)", "User"]);
  });

  test("are a person's own, and stay so", async () => {
    window.localStorage.setItem("penstock.traces.columns", JSON.stringify("time,tags"));
    const page = openConsole("/traces");
    show(page);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
    expect(heads()).toEqual(["Time (UTC)", "Tags"]);
    await page.user.click(screen.getByRole("button", { name: "Columns" }));
    await page.user.click(await screen.findByRole("checkbox", { name: "Cost" }));
    await waitFor(() => expect(heads()).toEqual(["Time (UTC)", "Cost", "Tags"]));
    expect(window.localStorage.getItem("penstock.traces.columns")).toContain("time,cost,tags");
  });
});
