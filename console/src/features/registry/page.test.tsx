import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("models are listed and lead to their definition", async () => {
  const page = openConsole("/registry");
  show(page);
  await page.user.click(await screen.findByText("small"));
  await waitFor(() => expect(page.history.location.pathname).toBe("/registry/model/support:small"));
  const area = await screen.findByRole<HTMLTextAreaElement>("textbox", {
    name: "Definition of support/small",
  });
  expect(area.value).toBe("target: openai/gpt-4o-mini\n");
});

test("text that cannot be read is marked at its line and not saved", async () => {
  const page = openConsole("/registry/model/support:small");
  show(page);
  const area = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: /Definition of/ });
  await page.user.clear(area);
  await page.user.click(area);
  await page.user.paste("target: [");
  expect(await screen.findByRole("button", { name: "line 1" })).toBeTruthy();
  expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
});

test("a webhook's secret is shown once, when it is added", async () => {
  const page = openConsole("/registry?tab=webhooks");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Add a webhook" }));
  const dialog = await screen.findByRole("dialog");
  await page.user.type(within(dialog).getByRole("textbox", { name: /Name/ }), "deploy");
  await page.user.type(within(dialog).getByLabelText(/Address/), "https://example.com/hook");
  await page.user.click(within(dialog).getByRole("button", { name: "Add" }));
  expect(await screen.findByText("whsec_abc")).toBeTruthy();
  await page.user.click(screen.getByRole("button", { name: "Done" }));
  expect(await screen.findByText("deploy")).toBeTruthy();
});
