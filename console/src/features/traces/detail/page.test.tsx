import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import type { SpanRecord } from "@/api/types";
import { openConsole, show } from "@/test/console";
import { makeRichTrace, makeSpan } from "@/test/mock-spans";
import { attemptsOf, sayCache, sumUsage } from "./span-details";

function openTrace(spansOf: (row: Parameters<typeof makeSpan>[0]) => SpanRecord[], search = "") {
  const page = openConsole("/traces", { rows: 5 });
  const row = page.api.rows[0];
  if (!row) throw new Error("The mock has no rows.");
  page.override(`/api/v1/traces/${row.trace_id}`, {
    status: 200,
    body: {
      trace_id: row.trace_id,
      spans: spansOf(row),
      totals: { duration: row.duration, cost: 123_000, usage: row.usage },
    },
  });
  page.history.push(`/traces/${row.trace_id}${search}`);
  show(page);
  return { page, row };
}

describe("a call with tools and two attempts", () => {
  test("is told as a conversation, with the call itself selected", async () => {
    openTrace(makeRichTrace);
    const panel = await screen.findByRole("region", { name: "Span chat support" });
    expect(within(panel).getByText("stock")).toBeTruthy();
    expect(within(panel).getByText(/"warehouse"/)).toBeTruthy();
    expect(within(panel).getByText(/image · image\/jpeg · 184 KB/)).toBeTruthy();
    expect(within(panel).getAllByText("Reasoning").length).toBe(2);
    expect(panel.querySelector("details")?.open).toBe(false);
    expect(panel.querySelector("script")).toBeNull();
    expect(panel.textContent).toContain("<script>alert(1)</script>");
  });

  test("shows its attempts, their tokens and their cost together", async () => {
    const { page } = openTrace(makeRichTrace, "?tab=details");
    const panel = await screen.findByRole("region", { name: "Span chat support" });
    expect(within(panel).getByText(/Tokens of all attempts/)).toBeTruthy();
    const failed = within(panel).getByText(/The provider answered 503/);
    await page.user.click(failed);
    await waitFor(() => expect(page.history.location.search).toContain(`span=${"c".repeat(16)}`));
    const attempt = await screen.findByRole("region", { name: "Span attempt openai/gpt-4o-mini" });
    expect(attempt.textContent).toContain("503 overloaded_error");
  });

  test("leads from an attempt to the text on the call", async () => {
    const { page } = openTrace(makeRichTrace, `?span=${"d".repeat(16)}`);
    await page.user.click(await screen.findByRole("button", { name: "the call itself" }));
    expect(await screen.findByRole("region", { name: "Span chat support" })).toBeTruthy();
  });

  test("walks its spans with j and k, and folds", async () => {
    const { page } = openTrace(makeRichTrace);
    await screen.findByRole("region", { name: "Span chat support" });
    await page.user.keyboard("j");
    expect(await screen.findByRole("region", { name: "Span attempt openai/gpt-4o-mini" })).toBeTruthy();
    await page.user.keyboard("kk");
    expect(await screen.findByRole("region", { name: "Span retrieve delivery-rules" })).toBeTruthy();
    expect(screen.getAllByRole("treeitem")).toHaveLength(5);
    await page.user.click(screen.getAllByRole("button", { name: "Fold" })[1] as HTMLElement);
    expect(screen.getAllByRole("treeitem")).toHaveLength(3);
  });

  test("goes back to the list as it was with Escape", async () => {
    const page = openConsole("/traces?q=shoes", { rows: 30 });
    show(page);
    await waitFor(() => expect(screen.getAllByRole("row").length).toBeGreaterThan(1));
    await page.user.keyboard("j{Enter}");
    await screen.findByRole("tab", { name: "Conversation" });
    await page.user.keyboard("{Escape}");
    await waitFor(() => expect(page.history.location.href).toBe("/traces?q=shoes"));
  });
});

test("the record as it is stands under Raw", async () => {
  openTrace((row) => [makeSpan(row)], "?tab=raw");
  const panel = await screen.findByRole("region", { name: /^Span / });
  for (const name of ["input", "output", "attributes", "usage_raw", "span"])
    expect(within(panel).getByRole("heading", { name })).toBeTruthy();
});

test("text that was not recorded is said to be missing, with the reason", async () => {
  openTrace((row) => [
    makeSpan(row, {
      input: null,
      output: null,
      attributes: { "penstock.input.bytes_not_recorded": 2_000_000 },
    }),
  ]);
  expect(await screen.findByText(/gateway.record_content/)).toBeTruthy();
});

test("a trace that is not there says so", async () => {
  show(openConsole(`/traces/${"0".repeat(32)}`));
  expect((await screen.findByRole("alert")).textContent).toContain("There is no trace");
});

test("attempts say their variant, what they were for, and why they did not do", async () => {
  openTrace((row) => {
    const [agent, search, call, first, second] = makeRichTrace(row);
    if (!agent || !search || !call || !first || !second) throw new Error("The mock lacks a span.");
    return [
      { ...call, route: "support", variant: "smart", cache: "miss" },
      { ...first, variant: "cheap", attributes: { "penstock.note": "mean log-probability -0.81 < -0.5" } },
      { ...second, variant: "critic", attributes: { "penstock.role": "judge" } },
    ];
  }, "?tab=details");
  const panel = await screen.findByRole("region", { name: "Span chat support" });
  const [first, second] = within(panel).getAllByRole("listitem");
  expect(first?.textContent).toContain("cheap");
  expect(first?.textContent).toContain("mean log-probability -0.81 < -0.5");
  expect(second?.textContent).toContain("critic");
  expect(second?.textContent).toContain("judge");
  expect(screen.getAllByRole("link", { name: "support" })[0]?.getAttribute("href")).toContain(
    "/routes/support",
  );
  expect(within(panel).getByText("miss: asked, and answered by the provider")).toBeTruthy();
});

test("a hit says what it saved, and an unknown saving is not $0", () => {
  expect(sayCache({ cache: "hit", saved: 1_500_000_000 })).toBe("hit: an answer given again, saved $1.50");
  expect(sayCache({ cache: "joined", saved: null })).toBe(
    "joined an identical call in flight, saved unknown",
  );
  expect(sayCache({ cache: null, saved: null })).toBeNull();
});

describe("usage of several attempts", () => {
  const row = openConsole("/traces", { rows: 1 }).api.rows[0];
  if (!row) throw new Error("The mock has no rows.");
  const attempt = (extra: Partial<SpanRecord>) =>
    makeSpan(row, { usage_input: 10, usage_output: 5, cost: 100, ...extra });

  test("is the sum of each bucket", () =>
    expect(sumUsage([attempt({}), attempt({ usage_output: 7 })])).toMatchObject({
      usage_input: 20,
      usage_output: 12,
      cost: 200,
    }));

  test("has an unknown cost when one attempt's is unknown", () =>
    expect(sumUsage([attempt({}), attempt({ cost: null })]).cost).toBeNull());

  test("belongs to calls with several attempts only", () => {
    const [, , gateway, ...attempts] = makeRichTrace(row);
    if (!gateway) throw new Error("No gateway span.");
    expect(attemptsOf(gateway, [gateway, ...attempts])).toHaveLength(2);
    expect(attemptsOf(attempt({}), [gateway, ...attempts])).toEqual([]);
  });
});
