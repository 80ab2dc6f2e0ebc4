import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import type { OverviewTotals } from "@/api/types";
import { openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";
import { axisDuration, axisMoney } from "./charts";
import { tilesOf } from "./tiles";

test("shows totals, charts and what was used most", async () => {
  show(openConsole("/overview"));
  expect(await screen.findByText("Calls", { selector: "dt" })).toBeTruthy();
  for (const title of ["Calls", "Latency", "Time to first token", "Tokens", "Cost"])
    expect(screen.getByRole("region", { name: title })).toBeTruthy();
  const link = within(
    screen.getByText("Keys", { selector: ".card-head" }).parentElement as HTMLElement,
  ).getByRole("link", {
    name: "support-bot",
  });
  expect(link.getAttribute("href")).toContain("filter=key:eq:0197c001");
});

test("without calls it says how to make one, with this gateway's address", async () => {
  show(openConsole("/overview", { rows: 0 }));
  expect(await screen.findByText("No calls in this time range yet.")).toBeTruthy();
  expect(screen.getByText(/curl http:\/\/127\.0\.0\.1:4100\/v1\/chat\/completions/)).toBeTruthy();
});

test("a failure says what happened and what to do, and can be tried again", async () => {
  const page = openConsole("/overview");
  page.override(
    "/api/v1/overview",
    problem(500, "store_corrupt", "The span store cannot be read.", "Restore it from a backup."),
  );
  show(page);
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("The span store cannot be read.");
  expect(alert.textContent).toContain("Restore it from a backup.");
  expect(alert.textContent).toContain("500 store_corrupt");
  page.override("/api/v1/overview", null);
  await page.user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Calls", { selector: "dt" })).toBeTruthy();
});

test("while it loads it holds the place of what comes", async () => {
  const page = openConsole("/overview");
  page.override("/api/v1/overview", "never");
  show(page);
  expect(await screen.findByRole("status", { name: "Loading" })).toBeTruthy();
});

test("a fixed time range is asked for as it stands in the address", async () => {
  const page = openConsole("/overview?from=1000000&to=9000000");
  show(page);
  await screen.findByText("No calls between these two moments.");
  const asked = page.requests.find((request) => request.url.pathname === "/api/v1/overview");
  expect(asked?.url.searchParams.get("from")).toBe("1000000");
  expect(asked?.url.searchParams.get("to")).toBe("9000000");
  await waitFor(() => expect(screen.getByText("Fixed")).toBeTruthy());
});

const totals = (change: Partial<OverviewTotals>): OverviewTotals => ({
  calls: 10,
  errors: 0,
  error_rate: 0,
  p50: 1_000,
  p95: 2_000,
  p99: 3_000,
  ttft_p50: null,
  ttft_p95: null,
  usage: { input: 1, cache_read: 0, cache_write: 0, output: 1, reasoning: 0, total: 2, estimated: false },
  cost: 5_000,
  cost_unknown_calls: 0,
  ...change,
});

test("a cost with unknown parts says how many, and does not compare", () => {
  const cost = tilesOf(totals({ cost_unknown_calls: 3 }), totals({})).at(-1);
  expect(cost).toMatchObject({ note: "+ 3 unknown", change: null });
  expect(tilesOf(totals({ cost: null }), totals({})).at(-1)?.value).toBe("unknown");
});

test("axes are short", () => {
  expect([0, 250_000, 5_000_000].map(axisDuration)).toEqual(["0", "250 ms", "5 s"]);
  expect([0, 2_000_000, 1_500_000_000].map(axisMoney)).toEqual(["$0", "$0.002", "$1.5"]);
});
