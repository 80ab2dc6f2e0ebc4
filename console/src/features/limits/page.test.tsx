import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import type { Forecast } from "@/api/types";
import { openConsole, show } from "@/test/console";
import { budgets } from "@/test/mock-traffic";
import { axisTop, burnDownOption } from "./detail/burn-down-option";
import { sayForecast, sayWhom } from "./words";

test("each limit says whom it counts, what it bounds, and how much is used", async () => {
  show(openConsole("/limits"));
  const row = (await screen.findByRole("link", { name: "each-key" })).closest("li") as HTMLElement;
  expect(await within(row).findByText("$16.40 of $20.00 today")).toBeTruthy();
  expect(row.textContent).toContain("each key by itself");
  expect(row.textContent).toContain("support-bot, the largest of 3");
  expect(row.textContent).toContain("600 requests per minute");
  const meter = within(row).getByRole("meter", { name: "Budget per day" });
  expect(meter.getAttribute("aria-valuenow")).toBe("82");
});

test("a limit that is hidden by the file's is shown as not in force, without use", async () => {
  const page = openConsole("/limits");
  const own = page.api.definitions.limits.find((one) => one.name === "each-key");
  Object.assign(own ?? {}, { served: false, problem: "The file has a limit of this name." });
  show(page);
  const row = (await screen.findByRole("link", { name: "each-key" })).closest("li") as HTMLElement;
  expect(within(row).getByText("not in force").title).toBe("The file has a limit of this name.");
  await waitFor(() => expect(within(row).getByText("What is used of it is not known.")).toBeTruthy());
});

test("without limits it says what one bounds", async () => {
  const page = openConsole("/limits");
  page.override("/api/v1/limits", { status: 200, body: { items: [], next_cursor: null } });
  show(page);
  expect(await screen.findByText("Nothing is limited in this project.")).toBeTruthy();
});

test("a budget shows its burn-down, its forecast, and who spends within the chosen counter", async () => {
  const page = openConsole("/limits/each-key");
  show(page);
  const card = await screen.findByRole("region", { name: "Budget per day" });
  expect(within(card).getByText("Spent by support-bot")).toBeTruthy();
  expect(within(card).getByRole("img", { name: "Spending in this day" })).toBeTruthy();
  expect(within(card).getByRole("link", { name: "openai/gpt-4o" })).toBeTruthy();
  await page.user.click(within(card).getByRole("button", { name: /nightly-eval/ }));
  expect(await within(card).findByText("Spent by nightly-eval")).toBeTruthy();
  expect(page.history.location.search).toContain("who=0197c001");
  await waitFor(() =>
    expect(page.requests.some((one) => one.url.searchParams.get("who")?.startsWith("0197c001"))).toBe(true),
  );
  expect(screen.getByRole("region", { name: "Rates" }).textContent).toContain("peak 571 by support-bot");
});

test("a budget of all counts what it does not know apart", async () => {
  show(openConsole("/limits/company"));
  expect(await screen.findByText(/14 requests of unknown cost are not counted/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Edit" })).toBeNull();
});

test("a limit is edited like a route", async () => {
  const page = openConsole("/limits/nightly?tab=definition");
  show(page);
  const area = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Definition of nightly" });
  const text = area.value.replace("200000", "100000");
  await page.user.clear(area);
  await page.user.click(area);
  await page.user.paste(text);
  await screen.findByText("tokens_per_minute", { selector: "span" });
  await page.user.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByRole("region", { name: "Rates" })).toBeTruthy();
  expect(page.requests.find((one) => one.method === "PUT")?.url.pathname).toBe("/api/v1/limits/nightly");
});

test("a new limit begins with an example", async () => {
  const page = openConsole("/limits?create=yes");
  show(page);
  await page.user.type(await screen.findByRole("textbox", { name: /Name/ }), "per-user");
  await screen.findByText("requests_per_minute", { selector: "span" });
  await page.user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(page.history.location.pathname).toBe("/limits/per-user"));
});

describe("in words", () => {
  const forecast = (more: Partial<Forecast>): Forecast => ({
    method: "linear",
    explanation: "",
    expected: 5_000_000_000,
    low: null,
    high: null,
    confidence: 0.8,
    reaches_soft: null,
    reaches_hard: null,
    ...more,
  });

  test.each([
    ["hard", {}, /^spent: calls are refused/],
    ["within", { reaches_hard: 0 }, /^reaches the hard limit Jan 01 00:00 UTC/],
    ["within", { reaches_soft: 0 }, /^reaches the soft limit/],
    ["soft", {}, /^over its soft limit; \$5\.00 by its end/],
  ] as const)("a budget that is %s with %j is worth a look", (state, more, text) => {
    expect(sayForecast(forecast(more), state)).toEqual({ text: expect.stringMatching(text), bad: true });
  });

  test("a calm one says what will be spent, with its interval", () => {
    expect(sayForecast(forecast({ low: 4_000_000_000, high: 7_000_000_000 }), "within")).toEqual({
      text: "$5.00 ($4.00 to $7.00) by its end",
      bad: false,
    });
  });

  test.each([
    ["organisation", [], "all calls together"],
    ["tag", ["job=nightly"], "job=nightly"],
    ["tag", ["team"], "each value of team"],
    ["key", ["a", "b"], "key a, b"],
    ["user", [], "each end user by itself"],
  ] as const)("a limit on %s %j counts %s", (level, match, words) => {
    expect(sayWhom({ level, match: [...match] })).toBe(words);
  });
});

describe("the burn-down", () => {
  const [company] = budgets(Date.UTC(2026, 6, 19, 12) * 1000);
  const budget = company?.budgets[0];
  const line = budget?.lines[0];
  if (!budget || !line) throw new Error("The mock has no budget.");
  const option = burnDownOption(budget, line, "light") as {
    xAxis: { min: number; max: number };
    series: { name: string; data: [number, number][] }[];
  };

  test("spans the whole window, whatever has passed of it", () => {
    expect([option.xAxis.min * 1000, option.xAxis.max * 1000]).toEqual([budget.start, budget.end]);
  });

  test("leads from what is spent to the forecast, inside its interval", () => {
    const named = (name: string) => option.series.find((one) => one.name === name)?.data ?? [];
    expect(named("cost").at(-1)).toEqual(named("forecast")[0]);
    expect(named("forecast").at(-1)?.[1]).toBe(line.forecast.expected);
    const [low, rest] = [named("low").at(-1)?.[1] ?? 0, named("high").at(-1)?.[1] ?? 0];
    expect([low, low + rest]).toEqual([line.forecast.low, line.forecast.high]);
  });

  test("has room for a limit that is near, and not for one far beyond", () => {
    expect(axisTop(100, [["hard", 200]])).toBeGreaterThan(200);
    expect(axisTop(100, [["hard", 5_000]])).toBeLessThan(150);
  });

  test("has no interval while too little has passed to tell", () => {
    const early = { ...line, forecast: { ...line.forecast, low: null, high: null } };
    const { series } = burnDownOption(budget, early, "dark") as { series: { name: string }[] };
    expect(series.map((one) => one.name)).toEqual(["forecast", "soft", "hard", "cost"]);
  });
});
