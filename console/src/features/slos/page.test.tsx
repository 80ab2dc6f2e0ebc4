import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("objectives show what is left of their budget", async () => {
  show(openConsole("/slos"));
  const list = await screen.findByRole("list", { name: "Objectives" });
  const meter = await within(list).findByRole("meter", { name: "Error budget left" });
  expect(meter.getAttribute("aria-valuenow")).toBe("50");
  expect(list.textContent).toContain("Answers come");
});

test("an objective shows its budget and how quickly it burns", async () => {
  show(openConsole("/slos/slo1"));
  expect(await screen.findByRole("heading", { name: "Answers come" })).toBeTruthy();
  const rates = await screen.findByRole("region", { name: "Burn rates" });
  expect(rates.textContent).toContain("×14.4");
  expect(screen.getByRole("region", { name: "Error budget" })).toBeTruthy();
});

test("without objectives it says what one is", async () => {
  const page = openConsole("/slos");
  page.api.watching.slos.length = 0;
  show(page);
  expect(await screen.findByText("This project has no objectives.")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Create an objective" })).toBeTruthy();
});
