import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("secrets say who uses them and where they may go; those of channels are the channels' own", async () => {
  show(openConsole("/secrets"));
  const list = await screen.findByRole("list", { name: "Secrets" });
  const [used, spare, ...others] = within(list).getAllByRole("listitem");
  expect(others).toEqual([]);
  expect(used?.textContent).toContain("used by openai");
  expect(used?.textContent).toContain("for https://api.openai.com:443");
  expect(
    within(used as HTMLElement).getByRole<HTMLButtonElement>("button", { name: "Delete" }).disabled,
  ).toBe(true);
  expect(spare?.textContent).toContain("used by nobody");
});

test("a secret is added with its value in a field that hides it, and then never shown", async () => {
  const page = openConsole("/secrets");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Add a secret" }));
  const dialog = await screen.findByRole("dialog");
  await page.user.type(within(dialog).getByRole("textbox", { name: /^Name/ }), "anthropic");
  const value = within(dialog).getByLabelText<HTMLInputElement>(/^Value/);
  expect(value.type).toBe("password");
  await page.user.type(value, "sk-hidden");
  await page.user.click(within(dialog).getByRole("button", { name: "Add" }));
  expect(await screen.findByText("anthropic")).toBeTruthy();
  expect(page.requests.find((one) => one.method === "POST")?.body).toEqual({
    name: "anthropic",
    value: "sk-hidden",
    origins: null,
  });
  await waitFor(() => expect(document.body.innerHTML).not.toContain("sk-hidden"));
});

test("an unused secret is deleted, and the master key rotated, after a question", async () => {
  const page = openConsole("/secrets");
  show(page);
  const spare = (await screen.findByText("spare")).closest("li") as HTMLElement;
  await page.user.click(within(spare).getByRole("button", { name: "Delete" }));
  await page.user.click(within(await screen.findByRole("dialog")).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(screen.queryByText("spare")).toBeNull());
  await page.user.click(screen.getByRole("button", { name: "Rotate the master key" }));
  await page.user.click(await screen.findByRole("button", { name: "Rotate" }));
  expect((await screen.findByRole("status")).textContent).toContain("sealed under the master key 4d717044");
});

test("who may only read is offered no change, and who may not read is told so", async () => {
  const reader = openConsole("/secrets");
  reader.api.denied.add("secrets:write");
  show(reader);
  await screen.findByText("openai");
  expect(screen.queryByRole("button", { name: /Add|Replace|Delete|Rotate/ })).toBeNull();
});

test("a role without the permission asks for nothing", async () => {
  const page = openConsole("/secrets");
  page.api.denied.add("secrets:read");
  show(page);
  expect(await screen.findByText("Your role may not see secrets.")).toBeTruthy();
  expect(page.requests.some((one) => one.url.pathname.endsWith("/secrets"))).toBe(false);
});
