import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { stepOf } from "./queries";

test("users are listed, and one shows sessions, calls and spending", async () => {
  const page = openConsole("/users");
  show(page);
  await waitFor(() => expect(screen.getAllByRole("row").length).toBeGreaterThan(5));
  await page.user.keyboard("j{Enter}");
  await waitFor(() => expect(page.history.location.pathname).toMatch(/^\/users\/[0-9a-f]+/));
  const user = page.history.location.pathname.split("/").at(-1);
  expect(await screen.findByRole("heading", { name: user })).toBeTruthy();
  expect(
    within(await screen.findByRole("region", { name: "Sessions" })).getByText(/in this time range/),
  ).toBeTruthy();
  const asked = page.requests.filter((one) => one.url.pathname === `/api/v1/users/${user}`);
  expect(asked.map((one) => one.url.searchParams.get("limit"))).toEqual(["30"]);
  const metrics = () => page.requests.filter((one) => one.url.pathname === "/api/v1/metrics/query");
  await waitFor(() => expect(metrics()).toHaveLength(3));
  expect(metrics().every((one) => (one.body as { q: string }).q.startsWith(`user:${user}`))).toBe(true);
});

test("without users the page says how they come about", async () => {
  show(openConsole("/users", { rows: 0 }));
  expect(await screen.findByText("No users in this time range.")).toBeTruthy();
});

test("steps are whole hours, some sixty at most", () => {
  const hour = 3_600_000_000;
  for (const hours of [1, 24, 24 * 7, 24 * 30, 24 * 365]) {
    const step = stepOf({ from: 0, to: hours * hour });
    expect(step % hour).toBe(0);
    expect((hours * hour) / step).toBeLessThanOrEqual(hours > 10_000 ? 1_000 : 62);
  }
});
