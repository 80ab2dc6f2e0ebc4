import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { wordsOf } from "./detail/served-by";

async function editAnswer() {
  const page = openConsole("/prompts/support:answer");
  show(page);
  const first = (await screen.findByRole("textbox", { name: "Message 1" })) as HTMLTextAreaElement;
  const write = async (text: string) => {
    await page.user.clear(first);
    await page.user.click(first);
    await page.user.paste(text);
  };
  return { page, first, write };
}

const saveButton = () => screen.getByRole("button", { name: "Save" });

test("prompts are listed with their labels; a folder narrows the list", async () => {
  const page = openConsole("/prompts");
  show(page);
  const table = await screen.findByRole("table", { name: "Prompts" });
  expect(await within(table).findByText("answer")).toBeTruthy();
  expect(within(table).getByText("production")).toBeTruthy();
  await page.user.click(within(table).getByRole("button", { name: "house/" }));
  await waitFor(() => expect(page.history.location.search).toBe("?folder=house"));
  await waitFor(() => expect(within(table).queryByText("answer")).toBeNull());
  expect(within(table).getByText("tone")).toBeTruthy();
});

test("a search is in the address, and j and Enter open a prompt", async () => {
  const page = openConsole("/prompts");
  show(page);
  await screen.findByText("answer");
  await page.user.keyboard("/");
  const search = screen.getByRole("textbox", { name: "Search prompts" });
  expect(document.activeElement).toBe(search);
  await page.user.type(search, "answer");
  await waitFor(() => expect(page.history.location.search).toBe("?q=answer"));
  await waitFor(() => expect(screen.queryByText("tone")).toBeNull());
  (document.activeElement as HTMLElement).blur();
  await page.user.keyboard("j{Enter}");
  await waitFor(() => expect(page.history.location.pathname).toBe("/prompts/support:answer"));
});

test("an error of a template stands at its message and a click goes to its line", async () => {
  const { page, first, write } = await editAnswer();
  await write("Two\n{{ lines");
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("column 4");
  expect(saveButton()).toHaveProperty("disabled", true);
  await page.user.click(within(alert).getByRole("button", { name: "line 2" }));
  expect(first.value.slice(first.selectionStart)).toBe("{{ lines");
});

test("a change is shown, and saved on top of what was read", async () => {
  const { page, write } = await editAnswer();
  expect(await screen.findByText("Nothing: this is version 2.")).toBeTruthy();
  await write("Be brief about {{ product }}.");
  await screen.findByText("messages");
  await page.user.type(screen.getByRole("textbox", { name: "Message" }), "Brief");
  await waitFor(() => expect(saveButton()).toHaveProperty("disabled", false));
  await page.user.click(saveButton());
  await screen.findByText("Nothing: this is version 3.");
  const post = page.requests.find((one) => one.method === "POST" && one.url.pathname.endsWith("/versions"));
  expect(post?.body).toMatchObject({ message: "Brief", branch: "main", expected: "2".padStart(64, "a") });
});

test("a version that somebody saved meanwhile is not written over", async () => {
  const { page, write } = await editAnswer();
  await write("Mine");
  page.api.registry.save("prompt", "support/answer", { body: { messages: [] }, message: "Theirs" });
  await waitFor(() => expect(saveButton()).toHaveProperty("disabled", false));
  await page.user.click(saveButton());
  expect((await screen.findByText("Not saved.")).parentElement?.textContent).toContain("another version");
});

test("what it renders to is shown once its variables have values", async () => {
  const { page } = await editAnswer();
  await page.user.click(await screen.findByRole("tab", { name: "Preview" }));
  expect(await screen.findByText("Give question a value to see what is sent.")).toBeTruthy();
  await page.user.type(screen.getByRole("textbox", { name: "question" }), "Why?");
  expect(await screen.findByText("Answer for Penstock in one sentence.")).toBeTruthy();
  expect(screen.getByText("24 tokens")).toBeTruthy();
});

test("a protected label asks for a reason, and moves from where it stood", async () => {
  const page = openConsole("/prompts/support:answer?tab=versions");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Label version 2" }));
  const dialog = await screen.findByRole("dialog");
  await page.user.type(within(dialog).getByRole("combobox", { name: "Label" }), "production");
  expect(await within(dialog).findByText(/production moves from version 1 to 2/)).toBeTruthy();
  const move = within(dialog).getByRole("button", { name: "Move the label" });
  expect(move).toHaveProperty("disabled", true);
  await page.user.type(within(dialog).getByRole("textbox", { name: /Reason/ }), "Shorter");
  await page.user.click(move);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  const put = page.requests.find((one) => one.method === "PUT");
  expect(put?.body).toEqual({ version: "2", reason: "Shorter", expected: 1 });
});

test("who may not promote is told which permission it takes", async () => {
  const page = openConsole("/prompts/support:answer?tab=versions");
  page.api.denied.add("prompts:promote");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Label version 2" }));
  const dialog = await screen.findByRole("dialog");
  await page.user.type(within(dialog).getByRole("combobox", { name: "Label" }), "production");
  expect(await within(dialog).findByText("prompts:promote:production")).toBeTruthy();
  expect(within(dialog).getByRole("button", { name: "Move the label" })).toHaveProperty("disabled", true);
});

test("a label is rolled back, and its history says why", async () => {
  const page = openConsole("/prompts/support:answer?tab=labels");
  show(page);
  expect(await screen.findByText("It was tried")).toBeTruthy();
  await page.user.click(screen.getByRole("button", { name: "Roll back production" }));
  const dialog = await screen.findByRole("dialog", { name: "Roll production back?" });
  await page.user.type(within(dialog).getByRole("textbox", { name: /Reason/ }), "It was worse");
  await page.user.click(within(dialog).getByRole("button", { name: "Roll back" }));
  expect(await screen.findByText("It was worse")).toBeTruthy();
});

test("who may only read sees the prompt and no way to change it", async () => {
  const page = openConsole("/prompts/support:answer");
  for (const one of ["prompts:write", "prompts:promote"]) page.api.denied.add(one);
  show(page);
  expect(await screen.findByText("Read-only")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
  expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Message 1" }).readOnly).toBe(true);
});

test("a comment is added, and two versions are compared under one address", async () => {
  const page = openConsole("/prompts/support:answer?tab=comments");
  show(page);
  await page.user.type(await screen.findByRole("textbox", { name: "Comment" }), "Good");
  await page.user.click(screen.getByRole("button", { name: "Comment" }));
  expect(await screen.findByText("Good")).toBeTruthy();
  await page.user.click(screen.getByRole("tab", { name: "Versions" }));
  await page.user.click(await screen.findByRole("button", { name: "Compare version 2 with 1" }));
  expect(await screen.findByText("1 difference")).toBeTruthy();
  expect(page.history.location.search).toContain("before=1");
});

test("a new prompt is made with its first version only where there is none", async () => {
  const page = openConsole("/prompts?create=yes");
  show(page);
  await page.user.type(await screen.findByRole("textbox", { name: "Name" }), "team/hello");
  await waitFor(() => expect(saveButton()).toHaveProperty("disabled", false));
  await page.user.click(saveButton());
  await waitFor(() => expect(page.history.location.pathname).toBe("/prompts/team:hello"));
  const post = page.requests.find((one) => one.method === "POST" && one.url.pathname.endsWith("/versions"));
  expect(post?.url.searchParams.get("create")).toBe("true");
  expect(post?.body).toMatchObject({ expected: "" });
});

test("a route's variants that name a prompt are found, whatever version they name", () => {
  const variants = {
    a: "openai/gpt-4o",
    b: { prompt: "support/answer@7" },
    c: { prompt: "shop:support/answer" },
  };
  expect(wordsOf(variants, "support/answer")).toEqual(["b: support/answer@7", "c: shop:support/answer"]);
  expect(wordsOf(undefined, "support/answer")).toEqual([]);
});
