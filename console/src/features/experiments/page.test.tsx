import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";

test("the list says of each experiment its state, how far it is and what it cost", async () => {
  const page = openConsole("/experiments");
  show(page);
  const row = (await screen.findByText("Shorter answers")).closest('[role="row"]');
  expect(row?.textContent).toContain("running");
  expect(row?.textContent).toContain("52%");
  expect(row?.textContent).toContain("support/refunds@2");
  expect(row?.textContent).toContain("$0.0120");
  await page.user.click(screen.getByText("New model"));
  await waitFor(() => expect(page.history.location.pathname).toBe("/experiments/e1"));
});

test("without experiments it says what one is for, and who may not start one is told so", async () => {
  const page = openConsole("/experiments", { rows: 0 });
  page.api.denied.add("experiments:write");
  show(page);
  expect(await screen.findByText("No experiments in this project.")).toBeTruthy();
  expect(screen.getByText(/Your role may not start experiments/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "New experiment" })).toBeNull();
});

test("a new one is made of the form and started", async () => {
  const page = openConsole("/experiments?create=yes&dataset=support/refunds@2");
  show(page);
  const form = await screen.findByRole("form", { name: "New experiment" });
  const start = within(form).getByRole("button", { name: "Start" });
  expect(start).toHaveProperty("disabled", true);
  await page.user.type(within(form).getByRole("textbox", { name: /^Name\b(?! of)/ }), "Cheaper");
  await page.user.type(within(form).getByRole("combobox", { name: "Model of variant 1" }), "support");
  await page.user.type(
    within(form).getByRole("textbox", { name: "Parameters of variant 1" }),
    "temperature: 0",
  );
  await page.user.click(within(form).getByRole("button", { name: "Add a variant" }));
  await page.user.click(start);
  await waitFor(() => expect(page.history.location.pathname).toBe("/experiments/e9"));
  const made = page.requests.find(
    (one) => one.method === "POST" && one.url.pathname === "/api/v1/experiments",
  );
  expect(made?.body).toEqual({
    cache: true,
    spec: {
      name: "Cheaper",
      dataset: "support/refunds@2",
      evaluators: [{ type: "exact" }],
      variants: [
        { name: "baseline", model: "support", parameters: { temperature: 0 } },
        { name: "candidate", model: "support", parameters: { temperature: 0 } },
      ],
    },
  });
  expect(page.requests.some((one) => one.url.pathname === "/api/v1/experiments/e9/start")).toBe(true);
});

test("what the server refuses stands at its line of the text", async () => {
  const page = openConsole("/experiments?create=yes&like=e1");
  page.override("/api/v1/experiments", {
    ...problem(422, "invalid_experiment", "gate[0]: There is no metric 'exakt'."),
    body: { status: 422, code: "invalid_rule", detail: "There is no metric 'exakt'.", field: "gate[0]" },
  });
  show(page);
  const form = await screen.findByRole("form", { name: "New experiment" });
  await page.user.click(within(form).getByText("YAML"));
  const area = within(form).getByRole<HTMLTextAreaElement>("textbox", { name: "Experiment as YAML" });
  expect(area.value).toContain("- exact >= baseline - 1pt");
  await page.user.click(within(form).getByRole("button", { name: "Start" }));
  expect((await within(form).findByRole("alert")).textContent).toContain("There is no metric 'exakt'.");
  expect(area.getAttribute("aria-invalid")).toBe("true");
});

test("a running one shows its progress and can be paused; one that ended can not", async () => {
  const page = openConsole("/experiments/e2");
  show(page);
  const progress = await screen.findByRole("region", { name: "How far it is" });
  expect(progress.textContent).toContain("42 of 80");
  expect(within(progress).getByText("Time left")).toBeTruthy();
  await page.user.click(screen.getByRole("button", { name: "Pause" }));
  expect(await screen.findByRole("button", { name: "Resume" })).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Pause" })).toBeNull();
});

test("without the permission to call models it says why it cannot be started", async () => {
  const page = openConsole("/experiments/e1");
  page.api.denied.add("gateway:call");
  show(page);
  const button = await screen.findByRole("button", { name: "Retry errors" });
  expect(button).toHaveProperty("disabled", true);
  expect(button.title).toContain("gateway:call");
});

test("the results begin with the gate, and say by how much it got worse and how sure that is", async () => {
  const page = openConsole("/experiments/e1");
  show(page);
  const gate = await screen.findByRole("region", { name: "Gate of new" });
  expect(gate.textContent).toContain("Cannot tell");
  expect(gate.textContent).toContain("About 420 rows would decide it.");
  const metrics = screen.getByRole("region", { name: "Metrics" });
  expect(metrics.textContent).toContain("−18.0 pt worse");
  expect(metrics.textContent).toContain("72.0% to 88.0%");
  expect(metrics.textContent).toContain("< 0.001");
  const cost = within(metrics).getByRole("rowheader", { name: /cost/ }).closest("tbody");
  expect(cost?.textContent).toContain("better");
  expect(screen.getByRole("region", { name: "Not in the figures" }).textContent).toContain(
    "the provider answered 500",
  );
  expect(screen.getByRole("region", { name: "Quality and its price" }).textContent).toContain(
    "None of the variants",
  );
  expect(screen.getByRole("region", { name: "Slices" }).textContent).toContain("de");
  await page.user.click(within(metrics).getAllByTitle("Show these rows")[0] as HTMLElement);
  await waitFor(() => expect(page.history.location.search).toContain("change=fell"));
});

test("rows are gone through by keyboard, each with all answers and their differences", async () => {
  const page = openConsole("/experiments/e1?tab=rows");
  show(page);
  await screen.findByText("Question 0 on a refund");
  const asked = page.requests.findLast((one) => one.url.pathname.endsWith("/differences"));
  expect(asked?.url.searchParams.get("order")).toBe("fall");
  await page.user.keyboard("jj");
  const detail = await screen.findByRole("region", { name: "Row 1" });
  const answer = await within(detail).findByRole("article", { name: "Answer of new" });
  expect(answer.textContent).toContain("yes, of course");
  expect(answer.textContent).toContain("Expected 'no'.");
  await page.user.click(within(detail).getByRole("switch"));
  expect(detail.querySelector("ins")?.textContent).toContain("yes");
  await page.user.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("region", { name: "Row 1" })).toBeNull());
});
