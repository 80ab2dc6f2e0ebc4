import { screen, waitFor, within } from "@testing-library/react";
import { beforeEach, expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { textsOfRow } from "./draft";

beforeEach(() => window.localStorage.clear());

async function openAnswer() {
  const page = openConsole("/playground?prompt=support/answer@2&model=openai/gpt-4o");
  show(page);
  const variant = await screen.findByRole("region", { name: "Variant 1" });
  return { page, variant };
}

const runs = (page: ReturnType<typeof openConsole>) =>
  page.requests.filter((one) => one.url.pathname.endsWith("/playground/runs"));

test("a stored version is run as such, and its answer streams in with what it cost", async () => {
  const { page, variant } = await openAnswer();
  expect(within(variant).getByText("question needs a value.")).toBeTruthy();
  await page.user.type(screen.getByRole("textbox", { name: "question" }), "Why?");
  await page.user.keyboard("{Control>}{Enter}{/Control}");
  expect(await within(variant).findByText("Hello from openai/gpt-4o by support/answer")).toBeTruthy();
  expect(await within(variant).findByText("$0.00400")).toBeTruthy();
  expect(within(variant).getByText("12 → 3")).toBeTruthy();
  expect(runs(page)[0]?.body).toMatchObject({
    name: "support/answer",
    version: "2",
    variables: { question: "Why?" },
    model: "openai/gpt-4o",
  });
});

test("a changed version is run as a draft, and saved as the next one", async () => {
  const { page, variant } = await openAnswer();
  await page.user.type(screen.getByRole("textbox", { name: "question" }), "Why?");
  const message = within(variant).getByRole("textbox", { name: "Message 1" });
  await page.user.type(message, " Please.");
  expect(within(variant).getByText(", changed")).toBeTruthy();
  await page.user.click(within(variant).getByRole("button", { name: "Run" }));
  expect(await within(variant).findByText("Hello from openai/gpt-4o")).toBeTruthy();
  expect(runs(page)[0]?.body).toMatchObject({ body: { model: "openai/gpt-4o-mini" } });
  await page.user.click(within(variant).getByRole("button", { name: "Save" }));
  const dialog = await screen.findByRole("dialog", { name: "Save as a version" });
  expect(await within(dialog).findByText(/becomes version 3 of support\/answer/)).toBeTruthy();
  await page.user.click(within(dialog).getByRole("button", { name: "Save" }));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  expect(within(variant).queryByText(", changed")).toBeNull();
});

test("two variants run side by side, and the second is compared with the first", async () => {
  const { page } = await openAnswer();
  await page.user.type(screen.getByRole("textbox", { name: "question" }), "Why?");
  await page.user.click(screen.getByRole("button", { name: "Add a variant" }));
  const second = await screen.findByRole("region", { name: "Variant 2" });
  const model = within(second).getByRole("combobox", { name: "Model or route" });
  await page.user.clear(model);
  await page.user.type(model, "other/model");
  await page.user.click(screen.getByRole("button", { name: "Run all" }));
  await page.user.click(await within(second).findByRole("button", { name: "Difference" }));
  expect((await within(second).findByText("other")).tagName).toBe("INS");
  expect(runs(page)).toHaveLength(2);
});

test("a draft stays in this browser, and an opened prompt does not write over it", async () => {
  const page = openConsole("/playground");
  show(page);
  await page.user.type(await screen.findByRole("textbox", { name: "question" }), "Kept?");
  const kept = () => JSON.stringify({ ...window.localStorage });
  await waitFor(() => expect(kept()).toContain("Kept?"));
  await page.user.click(screen.getByRole("link", { name: "Prompts" }));
  await page.user.click(await screen.findByText("answer"));
  await page.user.click(await screen.findByRole("button", { name: "Open in playground" }));
  expect(await screen.findByDisplayValue("Answer for {{ product }} in one sentence.")).toBeTruthy();
  expect(kept()).toContain("Kept?");
});

test("an answer that fails says why, and one that is stopped says so", async () => {
  const { page, variant } = await openAnswer();
  await page.user.type(screen.getByRole("textbox", { name: "question" }), "Why?");
  page.override("/api/v1/playground/runs", {
    status: 200,
    events: 'event: failed\ndata: {"status": 429, "code": "rate_limited", "message": "Too many calls."}\n\n',
  });
  await page.user.click(within(variant).getByRole("button", { name: "Run" }));
  expect((await within(variant).findByRole("alert")).textContent).toContain("Too many calls.");
});

test("a call of a trace is opened as it was sent", async () => {
  const page = openConsole("/traces");
  const row = page.api.rows.find((one) => one.operation === "chat");
  page.history.push(`/traces/${row?.trace_id}`);
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Open in playground" }));
  await waitFor(() => expect(page.history.location.pathname).toBe("/playground"));
  expect(page.history.location.search).toContain(`trace=${row?.trace_id}`);
});

test("who may not call models is told so", async () => {
  const page = openConsole("/playground");
  page.api.denied.add("gateway:call");
  show(page);
  expect(await screen.findByText("Your role may not call models.")).toBeTruthy();
});

test("a row's input fills variables by name, or the only one that needs a value", () => {
  const variables = { question: {}, product: { default: "x" } };
  expect(textsOfRow({ question: "Why?", other: 1 }, variables)).toEqual({ question: "Why?" });
  expect(textsOfRow("Why?", variables)).toEqual({ question: "Why?" });
  expect(textsOfRow("Why?", { a: {}, b: {} })).toBeNull();
});
