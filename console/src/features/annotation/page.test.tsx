import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";

const AT = "/annotation/q1";
const LABEL = `${AT}/label`;
const path = (rest: string) => `/api/v1/annotation/q1/${rest}`;

test("the list tells how far a queue is, and where people agree least", async () => {
  const page = openConsole("/annotation");
  show(page);
  const row = (await screen.findByText("tone-of-support")).closest('[role="row"]');
  expect(row?.textContent).toContain("2/5");
  await waitFor(() => expect(row?.textContent).toContain("α 0.31"));
  expect(row?.textContent).toContain("25%");
  expect(row?.textContent).toContain("tone (calm, neutral, angry)");
  await page.user.click(screen.getByText("tone-of-support"));
  await waitFor(() => expect(page.history.location.pathname).toBe(AT));
});

test("without queues it says what one is for, and who may not make one is told so", async () => {
  const page = openConsole("/annotation", { rows: 0 });
  page.api.denied.add("annotation:write");
  show(page);
  expect(await screen.findByText("No queues in this project.")).toBeTruthy();
  expect(screen.getByText(/Your role may not make queues/)).toBeTruthy();
});

test("a queue is made of its rubric, and leads to where its items come from", async () => {
  const page = openConsole("/annotation?create=yes");
  show(page);
  const form = await screen.findByRole("form", { name: "New queue" });
  const make = within(form).getByRole("button", { name: "Make the queue" });
  expect(make).toHaveProperty("disabled", true);
  await page.user.type(within(form).getByRole("textbox", { name: "Name" }), "new");
  await page.user.type(within(form).getByRole("textbox", { name: "Name of question 1" }), "a b");
  expect(form.textContent).toContain("Name question 1");
  await page.user.clear(within(form).getByRole("textbox", { name: "Name of question 1" }));
  await page.user.type(within(form).getByRole("textbox", { name: "Name of question 1" }), "ok");
  await page.user.click(within(form).getByRole("button", { name: "Add a question" }));
  await page.user.type(within(form).getByRole("textbox", { name: "Name of question 2" }), "tone");
  await page.user.selectOptions(
    within(form).getByRole("combobox", { name: "Type of question 2" }),
    "category",
  );
  expect(form.textContent).toContain("at least two categories");
  await page.user.type(
    within(form).getByRole("combobox", { name: "Categories of question 2" }),
    "calm,angry{Enter}",
  );
  await page.user.click(make);
  await waitFor(() => expect(page.history.location.pathname).toBe("/annotation/q9"));
  const sent = page.requests.find(
    (one) => one.method === "POST" && one.url.pathname === "/api/v1/annotation",
  );
  expect(sent?.body).toMatchObject({
    name: "new",
    doubled: 0.1,
    evaluator: null,
    questions: [
      { name: "ok", type: "boolean", required: true },
      { name: "tone", type: "category", categories: ["calm", "angry"] },
    ],
  });
  expect(JSON.stringify(sent?.body)).not.toContain('"key"');
  expect(await screen.findByRole("form", { name: "Items from traces" })).toBeTruthy();
});

test("a queue is changed, and deleted after one more question", async () => {
  const page = openConsole(`${AT}?edit=yes`);
  show(page);
  const form = await screen.findByRole("form", { name: "Change tone-of-support" });
  await page.user.type(within(form).getByRole("textbox", { name: "Guidance of question 2" }), "Now.");
  await page.user.click(within(form).getByRole("button", { name: "Save" }));
  await waitFor(() => expect(page.requests.some((one) => one.method === "PUT")).toBe(true));
  expect(page.api.annotation.queues[0]?.questions[1]?.guidance).toBe("Now.");
  await page.user.click(await screen.findByRole("button", { name: "Delete" }));
  await page.user.click(await screen.findByRole("button", { name: "Delete the queue" }));
  await waitFor(() => expect(page.history.location.pathname).toBe("/annotation"));
  expect(page.api.annotation.queues).toEqual([]);
});

test("traces, rows and answers of experiments are added", async () => {
  const page = openConsole(`${AT}?add=traces&traces=route:support`);
  show(page);
  const add = () =>
    page.requests.filter((one) => one.url.pathname === path("items") && one.method === "POST");
  const button = await screen.findByRole("button", { name: "Add to the queue" });
  await waitFor(() => expect(button).toHaveProperty("disabled", false));
  await page.user.click(button);
  expect(await screen.findByText("20 items added.")).toBeTruthy();
  expect(add()[0]?.body).toMatchObject({
    traces: { q: "route:support", reference: "output", sample: { how: "random", size: 200 } },
  });
  await page.user.click(screen.getByText("From a dataset"));
  const rows = await screen.findByRole("form", { name: "Items from a dataset" });
  await page.user.type(within(rows).getByRole("combobox", { name: "Dataset" }), "support/known@2");
  await page.user.selectOptions(within(rows).getByRole("combobox", { name: "References are" }), "polite");
  await page.user.click(within(rows).getByRole("button", { name: "Add to the queue" }));
  await waitFor(() => expect(add()).toHaveLength(2));
  expect(add()[1]?.body).toMatchObject({
    rows: { dataset: "support/known", version: "2", golden: "polite" },
  });
  await page.user.click(screen.getByText("From an experiment"));
  const outputs = await screen.findByRole("form", { name: "Items from an experiment" });
  await waitFor(() => expect(outputs.textContent).toContain("New model"));
  await page.user.click(within(outputs).getByRole("button", { name: "Add to the queue" }));
  await waitFor(() => expect(add()).toHaveLength(3));
  expect(add()[2]?.body).toMatchObject({ outputs: { experiment: "e2", variant: null } });
});

test("disagreements come first, and an item shows who said what", async () => {
  const page = openConsole(AT);
  show(page);
  const table = await screen.findByRole("table", { name: "Items" });
  await page.user.click(await within(table).findByText("Where is parcel 1?"));
  const panel = await screen.findByRole("region", { name: "Item 2" });
  expect(panel.textContent).toContain("Robin");
  const polite = within(panel).getByRole("rowheader", { name: "polite" }).closest("tr");
  expect(polite?.textContent).toBe("politenoyes");
  expect(polite?.dataset.disputed).toBe("true");
  expect(within(panel).getByRole("link", { name: "Trace" }).getAttribute("href")).toContain("/traces/0af765");
  expect(page.requests.some((one) => one.url.searchParams.get("only") === "disagreements")).toBe(true);
  await page.user.selectOptions(screen.getByRole("combobox", { name: "Which items" }), "golden");
  expect(await within(table).findByText("golden")).toBeTruthy();
});

test("agreement is told by question with its interval, and who is right on golden items", async () => {
  show(openConsole(`${AT}?tab=quality`));
  const agreement = await screen.findByRole("region", { name: "Agreement" });
  expect(within(agreement).getByRole("row", { name: /^tone/ }).textContent).toContain("0.31 0.11 to 0.41");
  expect(agreement.textContent).toContain("the rubric needs better guidance");
  const annotators = screen.getByRole("region", { name: "Annotators" });
  expect(within(annotators).getByRole("row", { name: /^Robin/ }).textContent).toContain("7.4 s");
  expect(within(annotators).getByRole("row", { name: /^ben/ }).textContent).toContain("25%");
});

test("an item is labelled with the keyboard alone, and the next one is there already", async () => {
  const page = openConsole(LABEL);
  show(page);
  const item = () => screen.getByRole("region", { name: "Item" });
  expect((await screen.findByRole("region", { name: "Item" })).textContent).toContain("Where is parcel 2?");
  await waitFor(() =>
    expect(page.requests.some((one) => one.url.searchParams.get("beside") === "i2")).toBe(true),
  );
  await page.user.keyboard("{Enter}");
  expect(screen.getByRole("alert").textContent).toContain("Answer polite first");
  await page.user.keyboard("134");
  expect(screen.getByRole("radio", { name: "1 yes" }).getAttribute("aria-checked")).toBe("true");
  expect(screen.getByRole("radio", { name: "3 angry" }).getAttribute("aria-checked")).toBe("true");
  expect(screen.getByRole("radio", { name: "4" }).getAttribute("aria-checked")).toBe("true");
  await page.user.keyboard("{ArrowUp}{ArrowUp}{ArrowLeft}");
  await page.user.keyboard("cToo harsh.{Escape}{Enter}");
  await waitFor(() => expect(item().textContent).toContain("Where is parcel 3?"));
  const sent = page.requests.find((one) => one.method === "PUT");
  expect(sent?.url.pathname).toBe(path("items/i2/label"));
  expect(sent?.body).toEqual({
    answers: { polite: true, tone: "neutral", grade: 4 },
    skip: null,
    comment: "Too harsh.",
  });
  expect(screen.getByRole("status", { name: "Progress of your items" }).textContent).toBe("1 done, 3 left");
});

test("an item is skipped with a reason, and one goes back to change what was said", async () => {
  const page = openConsole(LABEL);
  show(page);
  await screen.findByText("Where is parcel 2?");
  await page.user.keyboard("s1");
  await screen.findByText("Where is parcel 3?");
  expect(page.requests.find((one) => one.method === "PUT")?.body).toEqual({
    answers: {},
    skip: "There is too little to go by.",
    comment: "",
  });
  await page.user.keyboard("u");
  expect(await screen.findByText("Where is parcel 2?")).toBeTruthy();
  expect(screen.getByText(/You skipped it/)).toBeTruthy();
  await page.user.keyboard("u");
  expect(await screen.findByText(/^Where is parcel [01]\?$/)).toBeTruthy();
  await page.user.keyboard("{Escape}");
  await screen.findByText("Where is parcel 2?");
  await page.user.keyboard("y1{Enter}");
  await screen.findByText("Where is parcel 3?");
  expect(page.requests.filter((one) => one.method === "PUT").at(-1)?.body).toMatchObject({
    answers: { polite: true, tone: "calm" },
  });
});

test("what was said stays when the console cannot be reached, and is sent again", async () => {
  const page = openConsole(LABEL);
  show(page);
  await screen.findByText("Where is parcel 2?");
  page.override(path("items/i2/label"), "unreachable");
  await page.user.keyboard("22{Enter}");
  expect((await screen.findByRole("alert")).textContent).toContain("Your answers are kept here");
  expect(screen.getByRole("radio", { name: "2 neutral" }).getAttribute("aria-checked")).toBe("true");
  expect(window.sessionStorage.getItem("penstock.label.i2")).toContain("neutral");
  page.override(path("items/i2/label"), null);
  await page.user.keyboard("{Enter}");
  await screen.findByText("Where is parcel 3?");
  expect(window.sessionStorage.getItem("penstock.label.i2")).toBeNull();
});

test("an item that others have labelled meanwhile is left for the next one", async () => {
  const page = openConsole(LABEL);
  show(page);
  await screen.findByText("Where is parcel 2?");
  page.override(path("items/i2/label"), problem(409, "item_taken", "Others have this item."));
  await page.user.keyboard("22{Enter}");
  await page.user.click(await screen.findByRole("button", { name: "Take the next one" }));
  expect(await screen.findByText("Where is parcel 3?")).toBeTruthy();
});

test("when nothing waits it says so; the list of keys has those of the page", async () => {
  const page = openConsole(LABEL);
  page.api.annotation.items.splice(0);
  show(page);
  expect(await screen.findByText("Nothing waits for you.")).toBeTruthy();
  await page.user.keyboard("?");
  const keys = await screen.findByRole("table", { name: "Annotating" });
  expect(keys.textContent).toContain("Skip, and say why");
});
