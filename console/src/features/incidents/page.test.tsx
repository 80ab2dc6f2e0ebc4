import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("incidents are listed, and those of a state are chosen in the address", async () => {
  const page = openConsole("/incidents");
  show(page);
  expect(await screen.findByRole("link", { name: /Answers are slow/ })).toBeTruthy();
  await page.user.selectOptions(screen.getByRole("combobox", { name: "State" }), "resolved");
  expect(await screen.findByText("No incident is resolved.")).toBeTruthy();
  expect(page.history.location.search).toContain("state=resolved");
});

test("an incident is taken, and its steps are ticked off", async () => {
  const page = openConsole("/incidents/i1");
  show(page);
  await page.user.selectOptions(await screen.findByRole("combobox", { name: "State" }), "acknowledged");
  await waitFor(() => expect(page.api.watching.incidents[0]?.state).toBe("acknowledged"));
  await page.user.click(screen.getByRole("checkbox", { name: /Look at the provider/ }));
  const steps = screen.getByRole("region", { name: "Run-book steps" });
  await waitFor(() => expect(steps.textContent).toContain("1 of 2"));
});

async function openPostmortem() {
  const page = openConsole("/incidents/i1");
  show(page);
  await page.user.click(await screen.findByRole("tab", { name: "Post-mortem" }));
  return { page, card: await screen.findByRole("region", { name: "Post-mortem" }) };
}

test("a post-mortem begins as a draft, is saved as versions, and each can be read", async () => {
  const { page, card } = await openPostmortem();
  expect(card.textContent).toContain("A draft with the facts already in it.");
  await page.user.click(within(card).getByRole("button", { name: "Edit" }));
  const text = within(card).getByRole<HTMLTextAreaElement>("textbox");
  expect(text.value).toContain("It lasted 2 h.");
  await page.user.type(text, " Ask two providers.");
  await page.user.click(within(card).getByRole("button", { name: "Save" }));
  await waitFor(() => expect(card.textContent).toMatch(/Version 1, saved .* by admin/));
  expect(card.textContent).toContain("Ask two providers.");
  expect(page.requests.find((one) => one.method === "PUT")?.headers.get("if-match")).toBe('"0"');
  await page.user.selectOptions(within(card).getByRole("combobox", { name: "Version" }), "0");
  await waitFor(() => expect(card.textContent).not.toContain("Ask two providers."));
});

test("another's text is not written over unless that is wanted", async () => {
  const { page, card } = await openPostmortem();
  await page.user.click(within(card).getByRole("button", { name: "Edit" }));
  page.api.watching.postmortems.push({ markdown: "Theirs", version: 1, saved: 1, saved_by: "Kim" });
  await page.user.type(within(card).getByRole("textbox"), " Mine");
  await page.user.click(within(card).getByRole("button", { name: "Save" }));
  expect(await within(card).findByText("Somebody else has saved it since.")).toBeTruthy();
  await page.user.click(within(card).getByRole("button", { name: "Save over it" }));
  await waitFor(() => expect(card.textContent).toMatch(/Version 2, saved/));
});

test("who may only read can take a post-mortem away, not write it", async () => {
  const page = openConsole("/incidents/i1");
  page.api.denied.add("incidents:write");
  show(page);
  await page.user.click(await screen.findByRole("tab", { name: "Post-mortem" }));
  expect(await screen.findByRole("button", { name: "Download" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Edit" })).toBeNull();
});
