import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

const bodyRows = () => screen.getAllByRole("row").slice(1);

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
