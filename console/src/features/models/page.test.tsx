import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("each provider has its health, and each model its price and what it served", async () => {
  show(openConsole("/models"));
  const openai = await screen.findByRole("region", { name: "openai" });
  expect(within(openai).getByText("ok")).toBeTruthy();
  const row = within(openai).getByRole("link", { name: "gpt-4o-mini" }).closest("tr");
  expect(row?.textContent).toContain("$0.15");
  expect(row?.textContent).toContain("$0.60");
  const anthropic = screen.getByRole("region", { name: "anthropic" });
  expect(within(anthropic).getByText("degraded")).toBeTruthy();
});

test("a model without a price has no price, and its cost is unknown", async () => {
  show(openConsole("/models"));
  const local = await screen.findByRole("region", { name: "local" });
  const row = within(local).getByRole("link", { name: "qwen3-32b-instruct-awq" }).closest("tr");
  expect(row?.textContent).toContain("unknown");
  expect(row?.textContent).not.toContain("$");
});

test("a click on a head sorts by it", async () => {
  const page = openConsole("/models");
  show(page);
  const openai = await screen.findByRole("region", { name: "openai" });
  const names = () =>
    within(openai)
      .getAllByRole("link")
      .map((link) => link.textContent)
      .filter((text) => text?.includes("-"));
  await page.user.click(within(openai).getByRole("button", { name: /Input/ }));
  expect(names()[0]).toBe("gpt-4.1");
  await page.user.click(within(openai).getByRole("button", { name: /Input/ }));
  expect(names()[0]).toBe("text-embedding-3-small");
});

test("aliases name their targets in order", async () => {
  show(openConsole("/models"));
  const aliases = await screen.findByRole("region", { name: "Aliases" });
  expect(aliases.textContent).toContain("openai/gpt-4o-mini  →  anthropic/claude-sonnet-4-5");
});

test("with no provider it shows how to configure one", async () => {
  const page = openConsole("/models");
  page.override("/api/v1/models", { status: 200, body: { providers: [], aliases: [] } });
  show(page);
  expect(await screen.findByText("No provider is configured.")).toBeTruthy();
  expect(screen.getByText(/api_key: env:OPENAI_API_KEY/)).toBeTruthy();
});
