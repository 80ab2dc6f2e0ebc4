import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";
import { totalsOf } from "./queries";

const NAME = "Definition of triage";

async function editTriage() {
  const page = openConsole("/routes/triage?tab=definition");
  show(page);
  const area = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: NAME });
  const write = async (from: string, to: string) => {
    const text = area.value.replace(from, to);
    await page.user.clear(area);
    await page.user.click(area);
    await page.user.paste(text);
  };
  return { page, area, write };
}

test("the list says of each route what it does, what it served and where it stands", async () => {
  show(openConsole("/routes"));
  const row = (await screen.findByRole("link", { name: "writer" })).closest("tr");
  expect(row?.textContent).toContain("main, else spare");
  expect(row?.textContent).toContain("penstock.yaml, line 41");
  await waitFor(() => expect(row?.querySelector('[data-label="Calls"]')?.textContent).toMatch(/^\d+$/));
});

test("without routes it says what one is for", async () => {
  const page = openConsole("/routes");
  page.override("/api/v1/routes", { status: 200, body: { items: [], next_cursor: null } });
  show(page);
  expect(await screen.findByText("No routes in this project.")).toBeTruthy();
  await page.user.click(screen.getByRole("button", { name: "Create a route" }));
  await waitFor(() => expect(page.history.location.search).toBe("?create=yes"));
});

test("a route's page draws its strategy with the live share and the health of each variant", async () => {
  show(openConsole("/routes/support"));
  const picture = await screen.findByRole("region", { name: "How calls flow" });
  await waitFor(() => expect(picture.textContent).toContain("61%"));
  expect(picture.textContent).toContain("copy of 10%");
  expect(picture.textContent).toContain("mean log-probability ≥ -0.5");
  await waitFor(() => expect(picture.textContent).toContain("azure/gpt-4oout"));
  const table = screen.getByRole("region", { name: "Variants" });
  const pool = within(table).getByRole("link", { name: "pool" });
  expect(pool.getAttribute("href")).toContain("filter=route:eq:support&filter=variant:eq:pool");
  expect(pool.closest("tr")?.textContent).toContain("40%");
  expect(screen.getByText("answer “Please come back tomorrow.”")).toBeTruthy();
});

test("what would change is shown before it is saved, and saved only on top of what was read", async () => {
  const { page, write } = await editTriage();
  const save = screen.getByRole("button", { name: "Save" });
  expect(save).toHaveProperty("disabled", true);
  await write("new: 10", "new: 30");
  const changes = screen.getByRole("region", { name: "Changes" });
  await within(changes).findByText("strategy.weighted.new");
  expect(changes.querySelector("del")?.textContent).toBe("10");
  expect(changes.querySelector("ins")?.textContent).toBe("30");
  expect(screen.getByRole("region", { name: "How calls would flow" }).textContent).toContain("25%");
  await page.user.type(screen.getByRole("textbox", { name: "Comment" }), "More of it");
  await page.user.click(save);
  expect(await screen.findByRole("region", { name: "How calls flow" })).toBeTruthy();
  const put = page.requests.find((one) => one.method === "PUT");
  expect(put?.headers.get("if-match")).toBe('"3"');
  expect(put?.url.searchParams.get("comment")).toBe("More of it");
  expect(put?.body).toMatchObject({ strategy: { weighted: { old: 90, new: 30 } } });
  await page.user.click(screen.getByRole("tab", { name: "History" }));
  expect(await screen.findByText("More of it")).toBeTruthy();
});

test("what is wrong stands at its line, and a click goes there", async () => {
  const { page, area, write } = await editTriage();
  await write("    new: 10", "    newest: 10");
  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("expected a variant of this route, got newest.");
  expect(alert.textContent).toContain("Its variants are old, new.");
  expect(area.getAttribute("aria-invalid")).toBe("true");
  await page.user.click(within(alert).getByRole("button", { name: "line 7" }));
  expect(area.value.slice(area.selectionStart).trim()).toBe("newest: 10");
  expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
});

test("text that is no YAML is said to be so without asking the server", async () => {
  const { page, write } = await editTriage();
  await waitFor(() => expect(page.requests.some((one) => one.url.pathname.endsWith("/diff"))).toBe(true));
  const asked = page.requests.length;
  await write("variants:", "variants: [");
  expect(await screen.findByRole("alert")).toBeTruthy();
  expect(page.requests.slice(asked).some((one) => one.url.pathname.endsWith("/diff"))).toBe(false);
});

test("a change by somebody else is told, and is only written over on purpose", async () => {
  const { page, write } = await editTriage();
  await write("new: 10", "new: 30");
  await screen.findByText("strategy.weighted.new");
  const stands = page.api.definitions.routes.find((one) => one.name === "triage");
  if (!stands) throw new Error("The mock has no route triage.");
  Object.assign(stands, { etag: "4", definition: { ...stands.definition, retries: { attempts: 5 } } });
  await page.user.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText(/somebody else was faster/)).toBeTruthy();
  await write("new: 30", "new: 40");
  expect(await screen.findByText(/It was changed while you were editing/)).toBeTruthy();
  expect(screen.getByText("retries")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", true);
  await page.user.click(screen.getByRole("button", { name: "Save over it" }));
  await page.user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(stands.definition).toMatchObject({ strategy: { weighted: { new: 40 } } }));
});

test("Tab indents in the editor, and after Escape leaves it", async () => {
  const { page, area } = await editTriage();
  await page.user.click(area);
  area.setSelectionRange(0, 0);
  await page.user.keyboard("{Tab}");
  expect(area.value.startsWith("  variants")).toBe(true);
  await page.user.keyboard("{Escape}{Tab}");
  expect(document.activeElement).not.toBe(area);
});

test("a route of the file cannot be changed here, and says where it can", async () => {
  show(openConsole("/routes/writer?tab=definition"));
  expect(await screen.findByText("Read-only: it stands in penstock.yaml, line 41")).toBeTruthy();
  expect(screen.getByRole<HTMLTextAreaElement>("textbox", { name: "Definition of writer" }).readOnly).toBe(
    true,
  );
  expect(screen.queryByRole("button", { name: /Save|Edit|Delete/ })).toBeNull();
});

test("who may only read sees no way to change", async () => {
  const page = openConsole("/routes/triage?tab=definition");
  const session = page.api.answer("GET", new URL("http://x/api/v1/session")).body as object;
  page.override("/api/v1/session", { status: 200, body: { ...session, permissions: ["routes:read"] } });
  show(page);
  expect(await screen.findByText(/Your role may not change routes/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: /Save|Delete/ })).toBeNull();
});

test("a new route is created only where there is none of its name", async () => {
  const page = openConsole("/routes?create=yes");
  show(page);
  expect(await screen.findByText("Give it a name first.")).toBeTruthy();
  const name = screen.getByRole("textbox", { name: /Name/ });
  await page.user.type(name, "bad name!");
  expect(screen.getByText(/Letters, digits/)).toBeTruthy();
  await page.user.clear(name);
  await page.user.type(name, "fresh");
  await screen.findByText("strategy");
  await waitFor(() => expect(screen.getByRole("button", { name: "Save" })).toHaveProperty("disabled", false));
  await page.user.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(page.history.location.pathname).toBe("/routes/fresh"));
  const put = page.requests.find((one) => one.method === "PUT");
  expect(put?.headers.get("if-none-match")).toBe("*");
  expect(put?.url.searchParams.get("everywhere")).toBe("false");
});

test("a route is deleted after a question, in the version that was seen", async () => {
  const page = openConsole("/routes/triage");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Delete" }));
  const dialog = await screen.findByRole("dialog", { name: "Delete triage?" });
  expect(page.requests.some((one) => one.method === "DELETE")).toBe(false);
  await page.user.click(within(dialog).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(page.history.location.pathname).toBe("/routes"));
  expect(page.requests.find((one) => one.method === "DELETE")?.headers.get("if-match")).toBe('"3"');
  expect(await screen.findByRole("link", { name: "writer" })).toBeTruthy();
  expect(screen.queryByRole("link", { name: "triage" })).toBeNull();
});

test("what was just saved is deleted in that version, also before it is read again", async () => {
  const { page, write } = await editTriage();
  await write("new: 10", "new: 30");
  const save = screen.getByRole("button", { name: "Save" });
  await waitFor(() => expect(save).toHaveProperty("disabled", false));
  page.override("GET /api/v1/routes/triage", "never");
  await page.user.click(save);
  await waitFor(() => expect(page.requests.some((one) => one.method === "PUT")).toBe(true));
  await page.user.click(screen.getByRole("button", { name: "Delete" }));
  const dialog = await screen.findByRole("dialog", { name: "Delete triage?" });
  await page.user.click(within(dialog).getByRole("button", { name: "Delete" }));
  await waitFor(() => expect(page.history.location.pathname).toBe("/routes"));
  expect(page.requests.find((one) => one.method === "DELETE")?.headers.get("if-match")).toBe('"4"');
});

test("a route in use as a judge is not deleted, and the dialog says why", async () => {
  const page = openConsole("/routes/triage");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Delete" }));
  const dialog = await screen.findByRole("dialog");
  page.override("/api/v1/routes/triage", problem(409, "route_in_use", "support asks triage as its judge."));
  await page.user.click(within(dialog).getByRole("button", { name: "Delete" }));
  expect((await within(dialog).findByRole("alert")).textContent).toContain("support asks triage");
});

test("a route that is not there says so", async () => {
  show(openConsole("/routes/nowhere"));
  expect(await screen.findByText("There is no route nowhere in this project.")).toBeTruthy();
  expect(screen.getByRole("link", { name: "calls" }).getAttribute("href")).toContain("route:eq:nowhere");
});

test("what cannot be known of several variants is not made up", () => {
  const variant = { variant: "a", calls: 1, share: 1, attempts: 1, errors: 0, tokens: 1 };
  const times = { p50: 1, p95: 2, ttft_p50: null };
  const stats = { calls: 2, errors: 0, hits: 0, joined: 0, saved: 0, retries: 0, further: 0 };
  const one = { ...variant, ...times, cost: 5 };
  expect(totalsOf({ ...stats, variants: [one] })).toMatchObject({ p95: 2, cost: 5 });
  expect(totalsOf({ ...stats, variants: [one, { ...one, variant: "b", cost: null }] })).toMatchObject({
    p95: null,
    cost: 5,
  });
  expect(totalsOf({ ...stats, variants: [] }).cost).toBeNull();
});
