import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("shows the hit rate, the savings over time and by route, and what is held", async () => {
  show(openConsole("/cache"));
  expect(await screen.findByText("Hit rate", { selector: "dt" })).toBeTruthy();
  expect(screen.getByText("8.2 MB, in 2 workers")).toBeTruthy();
  for (const title of ["Calls that asked", "Savings"])
    expect(screen.getByRole("region", { name: title })).toBeTruthy();
  const routes = screen.getByRole("region", { name: "By route" });
  expect(within(routes).getByRole("link", { name: "support" }).closest("tr")?.textContent).toContain("33%");
});

test("without calls that asked it says how to turn it on", async () => {
  show(openConsole("/cache", { rows: 0 }));
  expect(await screen.findByText("No call asked the cache in this time range.")).toBeTruthy();
});
