import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";
import { openConsole, show } from "@/test/console";

const bodyRows = () => screen.getAllByRole("row").slice(1);

/** The page of a session of so many calls, the newest of which are shown; `ids` are those of all, in order of time. */
async function openSession(calls: number) {
  const page = openConsole("/sessions/long", { rows: calls });
  for (const row of page.api.rows) row.session = "long";
  show(page);
  const list = await screen.findByRole("list", { name: "Calls of the session" });
  // By a selector: to tell the role of each element of a long list takes seconds.
  const items = () =>
    [...list.querySelectorAll("li")].filter((item) => item.querySelector("a[href*='span=']"));
  const shown = () => items().map((item) => /span=([0-9a-f]+)/.exec(item.innerHTML)?.[1]);
  const pages = () => page.requests.filter((one) => one.url.pathname === "/api/v1/sessions/long");
  const earlier = () =>
    within(list)
      .queryByText(/^Show earlier calls/)
      ?.closest("button");
  const goBack = async () => {
    const before = shown().length;
    await page.user.click(earlier() as HTMLElement);
    await waitFor(() => expect(shown().length).toBeGreaterThan(before));
  };
  const ids = page.api.rows.map((row) => row.span_id).toReversed();
  return { ...page, items, shown, pages, earlier, goBack, ids };
}

describe("sessions", () => {
  test("are listed with what they took, and open", async () => {
    const page = openConsole("/sessions");
    show(page);
    await waitFor(() => expect(bodyRows().length).toBeGreaterThan(5));
    await page.user.keyboard("j{Enter}");
    await waitFor(() => expect(page.history.location.pathname).toMatch(/^\/sessions\/conversation-/));
    expect(await screen.findByRole("list", { name: "Calls of the session" })).toBeTruthy();
  });

  test("are filtered by their calls and sorted by the most", async () => {
    const page = openConsole("/sessions?q=provider:openai");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Cost" }));
    await waitFor(() => expect(page.history.location.search).toBe("?q=provider:openai&sort=-cost"));
    await page.user.click(await screen.findByRole("button", { name: "Cost" }));
    await waitFor(() => expect(page.history.location.search).toBe("?q=provider:openai"));
  });

  test("say how to make one when there is none", async () => {
    show(openConsole("/sessions", { rows: 0 }));
    expect(await screen.findByText("No sessions in this time range.")).toBeTruthy();
  });

  test("read as a conversation, each call with its own messages", async () => {
    const page = openConsole("/traces", { rows: 60 });
    const session = page.api.rows.find((row) => row.session)?.session;
    page.history.push(`/sessions/${session}`);
    show(page);
    const calls = await screen.findByRole("list", { name: "Calls of the session" });
    await waitFor(() => expect(within(calls).getAllByRole("article").length).toBeGreaterThan(1));
    expect(
      within(calls).getAllByText("You are the support assistant of a shoe shop. Be brief."),
    ).toHaveLength(1);
  });
});

describe("a long session", () => {
  test("shows its newest calls, and all before them step by step, page by page", async () => {
    const { shown, pages, earlier, goBack, ids } = await openSession(110);
    expect(shown()).toEqual(ids.slice(-20));
    expect(earlier()?.textContent).toBe("Show earlier calls: 90 of 110 are left");
    for (const count of [40, 60, 80, 100]) {
      await goBack();
      expect(shown()).toEqual(ids.slice(-count));
    }
    expect(pages()).toHaveLength(1);
    expect(earlier()?.textContent).toBe("Show earlier calls: 10 of 110 are left");
    await goBack();
    expect(shown()).toEqual(ids);
    expect(earlier()).toBeUndefined();
    expect(pages().map((one) => one.url.searchParams.get("cursor"))).toEqual([null, "100"]);
  });

  test("of twenty calls is shown whole", async () => {
    const { shown, earlier, ids } = await openSession(20);
    expect(shown()).toEqual(ids);
    expect(earlier()).toBeUndefined();
  });

  test("tells once what the calls that are shown have in common", async () => {
    const { items, goBack } = await openSession(45);
    const told = () =>
      items().map(
        (item) => item.textContent?.includes("You are the support assistant of a shoe shop.") ?? false,
      );
    await waitFor(() => expect(told().filter(Boolean)).toHaveLength(1));
    await goBack();
    await waitFor(() => expect(told().filter(Boolean)).toHaveLength(1));
    expect(told().indexOf(true)).toBeLessThan(20);
  });

  test("says why earlier calls do not come, and tries again", async () => {
    const { shown, earlier, goBack, user, override } = await openSession(130);
    for (let step = 0; step < 4; step += 1) await goBack();
    const body = { code: "unavailable", status: 500, detail: "The store is down." };
    override("/api/v1/sessions/long", { status: 500, body });
    await user.click(earlier() as HTMLElement);
    expect(await screen.findByText("The store is down.")).toBeTruthy();
    expect(shown()).toHaveLength(100);
    override("/api/v1/sessions/long", null);
    await goBack();
    expect(shown()).toHaveLength(120);
    expect(screen.queryByText("The store is down.")).toBeNull();
  });

  test("leaves what is read where it is when earlier calls come", async () => {
    const { items, goBack } = await openSession(45);
    const main = screen.getByRole("main");
    const held = items()[0] as HTMLElement;
    // As if each call were 100 px high.
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
      return new DOMRect(0, items().indexOf(this as HTMLLIElement) * 100 - main.scrollTop, 800, 100);
    });
    main.scrollTop = 30;
    const before = held.getBoundingClientRect().top;
    await goBack();
    expect(items()).toHaveLength(40);
    expect(items().indexOf(held as HTMLLIElement)).toBe(20);
    expect(held.getBoundingClientRect().top).toBe(before);
  });

  test("keeps the calls in view when new ones arrive", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    try {
      const { shown, api, ids, earlier } = await openSession(30);
      const row = api.arrive();
      row.session = "long";
      await vi.advanceTimersByTimeAsync(15_000);
      await waitFor(() => expect(shown()).toEqual([...ids.slice(-20), row.span_id]));
      expect(earlier()?.textContent).toBe("Show earlier calls: 10 of 31 are left");
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("erasing", () => {
  test("is confirmed by a word, and asked for once", async () => {
    const page = openConsole("/traces", { rows: 60 });
    const session = page.api.rows.find((row) => row.session)?.session;
    page.history.push(`/sessions/${session}`);
    page.override("/api/v1/deletions", { status: 202, body: { id: "d1" } });
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Erase" }));
    const dialog = await screen.findByRole("dialog");
    expect(within(dialog).getByRole("button", { name: "Erase" })).toHaveProperty("disabled", true);
    await page.user.type(within(dialog).getByRole("textbox"), "erase{Enter}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    const asked = page.requests.filter((one) => one.url.pathname === "/api/v1/deletions");
    expect(asked.map((one) => one.body)).toEqual([{ session }]);
  });
});
