import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";

test("targets that are out come first, with the reason and since when", async () => {
  show(openConsole("/health?range=6h"));
  const targets = await screen.findByRole("region", { name: "Targets" });
  const [first] = within(targets).getAllByRole("row").slice(1);
  expect(first?.textContent).toContain("azure/gpt-4o");
  expect(first?.textContent).toContain("6 of 10 attempts failed in 30 s: upstream_error (503)");
  expect(first?.textContent).toContain("since 4 min ago");
  const lane = within(first as HTMLElement).getByRole("img", { name: "States of azure/gpt-4o" });
  expect([...lane.children].map((one) => one.getAttribute("data-state"))).toEqual([
    "closed",
    "open",
    "half_open",
    "closed",
    "open",
  ]);
});

test("a target opens to each worker's own view and every change", async () => {
  const page = openConsole("/health?range=6h");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Workers and history of azure/gpt-4o" }));
  expect(screen.getByRole("img", { name: "States of azure/gpt-4o on w2-4712" })).toBeTruthy();
  expect(screen.getAllByText("3 probes in a row succeeded").length).toBe(2);
  const link = screen.getByRole("link", { name: "Failed calls of this provider" });
  expect(link.getAttribute("href")).toContain("filter=provider:eq:azure&filter=status:eq:error");
});

test("a provider key that is set aside is named", async () => {
  show(openConsole("/health"));
  expect(await screen.findByText("key aside: backup: 401")).toBeTruthy();
});

test("workers say which configuration they serve, and which have gone silent", async () => {
  show(openConsole("/health"));
  const workers = await screen.findByRole("region", { name: "Workers" });
  const row = (name: string) => within(workers).getByText(name).closest("tr");
  expect(row("w1-4711")?.textContent).toContain("41 newest");
  expect(row("w2-4712")?.textContent).toContain("40 older");
  expect(row("w1-4203")?.textContent).toContain("silent since 3 min ago");
  expect(screen.getByText("1 of 2")).toBeTruthy();
});

test("without workers it says how to start one", async () => {
  show(openConsole("/health", { rows: 0 }));
  expect(await screen.findByText("No gateway worker reports here.")).toBeTruthy();
});

test("who may not see it is told what it takes", async () => {
  const page = openConsole("/health");
  const session = page.api.answer("GET", new URL("http://x/api/v1/session")).body as object;
  page.override("/api/v1/session", { status: 200, body: { ...session, permissions: ["traces:read"] } });
  show(page);
  expect(await screen.findByText("Your role may not see the gateway's health.")).toBeTruthy();
  expect(page.requests.some((one) => one.url.pathname === "/api/v1/targets")).toBe(false);
});

test("a failure can be tried again", async () => {
  const page = openConsole("/health");
  page.override("/api/v1/targets", problem(500, "internal", "The reports cannot be read."));
  show(page);
  expect((await screen.findByRole("alert")).textContent).toContain("The reports cannot be read.");
  page.override("/api/v1/targets", null);
  await page.user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByRole("region", { name: "Targets" })).toBeTruthy();
});
