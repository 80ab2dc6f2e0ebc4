import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { brokenJson, fromField, oneLine, toField } from "./detail/texts";

const AT = "/datasets/support:refunds";

test("the list leads to a dataset; without one it says what a dataset is for", async () => {
  const page = openConsole("/datasets");
  show(page);
  await page.user.click(await screen.findByRole("cell", { name: /^support.*refunds/ }));
  await waitFor(() => expect(page.history.location.pathname).toBe(AT));
});

test("who may not make datasets is told so", async () => {
  const page = openConsole("/datasets", { rows: 0 });
  page.api.denied.add("datasets:write");
  show(page);
  expect(await screen.findByText("No datasets in this project.")).toBeTruthy();
  expect(screen.getByText(/Your role may not make datasets/)).toBeTruthy();
});

test("rows are shown by split, found by words, and gone through by keyboard", async () => {
  const page = openConsole(AT);
  show(page);
  await screen.findByText("Question 1 on a refund");
  await page.user.type(screen.getByRole("textbox", { name: "Filter rows" }), "May RETURN");
  await waitFor(() => expect(screen.queryByText("Question 1 on a refund")).toBeNull());
  expect(screen.getByText(/^1 with these words, of 40 rows$/)).toBeTruthy();
  expect(page.requests.at(-1)?.url.searchParams.get("q")).toBe("May RETURN");
  await waitFor(() => expect(page.history.location.search).toContain("q=May"));
  await page.user.clear(screen.getByRole("textbox", { name: "Filter rows" }));
  await page.user.click(await screen.findByText("test 8"));
  await waitFor(() => expect(page.history.location.search).toContain("split=test"));
  expect(page.requests.at(-1)?.url.searchParams.get("split")).toBe("test");
});

test("a changed row becomes the next version, on top of what was looked at", async () => {
  const page = openConsole(`${AT}?row=row-1`);
  show(page);
  const form = within(await screen.findByRole("region", { name: "Row row-1" })).getByRole("form", {
    name: "Row",
  });
  const reference = within(form).getByRole("textbox", { name: "Reference" });
  await page.user.clear(reference);
  await page.user.type(reference, "never");
  await page.user.click(within(form).getByRole("button", { name: "Save as a new version" }));
  await waitFor(() => expect(page.requests.some((one) => one.method === "PATCH")).toBe(true));
  const sent = page.requests.find((one) => one.method === "PATCH")?.body as Record<string, never>;
  expect(sent.put).toMatchObject([{ id: "row-1", input: "Question 1 on a refund", reference: "never" }]);
  expect((sent.put as unknown as object[])[0]).not.toHaveProperty("digest");
  expect(sent.terms).toMatchObject({ expected: "b".repeat(64), message: "Change the row row-1" });
});

test("rows of an older version are read only", async () => {
  const page = openConsole(`${AT}?row=row-1&version=1`);
  show(page);
  const panel = await screen.findByRole("region", { name: "Row row-1" });
  expect(panel.textContent).toContain("Only rows of the newest version can be changed.");
  expect(within(panel).queryByRole("button", { name: "Delete" })).toBeNull();
});

test("two versions differ row by row, field by field", async () => {
  show(openConsole(`${AT}?tab=versions&from=1&to=2`));
  const diff = await screen.findByRole("region", { name: "What differs" });
  await waitFor(() => expect(diff.textContent).toContain("1 changed"));
  await waitFor(() => expect(diff.querySelector("ins")?.textContent).toBe("no"));
  expect(diff.querySelector("del")?.textContent).toBe("yes");
});

test("rows are divided by shares, and nothing crosses over unless one says so", async () => {
  const page = openConsole(`${AT}?tab=splits`);
  show(page);
  const form = await screen.findByRole("form", { name: "Divide the rows" });
  await page.user.click(within(form).getByRole("button", { name: "Save as a new version" }));
  await waitFor(() => expect(page.requests.some((one) => one.method === "PUT")).toBe(true));
  const sent = page.requests.find((one) => one.method === "PUT")?.body;
  expect(sent).toMatchObject({ shares: { train: 80, test: 20 }, terms: { resplit: false } });
});

test("traces become rows after one has seen how many fit, and which", async () => {
  const page = openConsole("/datasets?create=traces&traces=score.helpful:false");
  show(page);
  const preview = await screen.findByRole("table", { name: "Rows of traces" });
  expect(preview.textContent).toContain("Where is my parcel?");
  expect(screen.getByText(/128 calls fit/)).toBeTruthy();
  const take = screen.getByRole("button", { name: "Take the rows" });
  expect(take).toHaveProperty("disabled", true);
  await page.user.type(screen.getByRole("textbox", { name: "Name" }), "support/unhelpful");
  await page.user.click(take);
  await waitFor(() => expect(page.history.location.pathname).toBe("/datasets/support:unhelpful"));
  const sent = page.requests.find((one) => one.url.pathname.endsWith("/from-traces"));
  expect(sent?.body).toMatchObject({ q: "score.helpful:false", distinct: true, mask: true });
});

test("values are edited as texts or JSON, and stay what they were", () => {
  expect(toField({ a: 1 })).toBe('{\n  "a": 1\n}');
  expect(fromField("12", "11")).toBe("12");
  expect(fromField("12", 11)).toBe(12);
  expect(fromField('{"a": 2}', null)).toEqual({ a: 2 });
  expect(fromField(" ", "x")).toBeNull();
  expect([brokenJson("{oops"), brokenJson("{}"), brokenJson("oops")]).toEqual([true, false, false]);
  expect(oneLine("a\n  b")).toBe("a b");
});
