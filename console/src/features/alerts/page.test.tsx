import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

/** At once: the list of what may be chosen is laid out again at each key. */
const fill = (field: HTMLElement, value: string) => fireEvent.change(field, { target: { value } });

test("rules that fire come first, with the groups that fire now", async () => {
  show(openConsole("/alerts"));
  const rules = await screen.findByRole("list", { name: "Rules" });
  expect(
    within(rules)
      .getAllByRole("link")
      .map((link) => link.textContent),
  ).toEqual(["Slow answers", "Errors"]);
  expect(screen.getByText("1 of 2 rules fires.")).toBeTruthy();
});

test("a rule is opened with its groups, its history and what it would have done", async () => {
  show(openConsole("/alerts/slow"));
  expect(await screen.findByRole("heading", { name: "Slow answers" })).toBeTruthy();
  expect(await screen.findByText(/would not have fired in 7 days/)).toBeTruthy();
  expect((await screen.findAllByText(/9\.00 s > 8\.00 s/)).length).toBeGreaterThan(0);
});

test("alerts are silenced by conditions on their labels", async () => {
  const page = openConsole("/alerts?tab=silences");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Add a silence" }));
  const dialog = await screen.findByRole("dialog");
  const save = within(dialog).getByRole<HTMLButtonElement>("button", { name: "Silence" });
  fill(within(dialog).getByLabelText("Label 1"), "alert");
  fill(within(dialog).getByLabelText("Value 1"), "Slow answers");
  await page.user.click(within(dialog).getByRole("button", { name: "And" }));
  fill(within(dialog).getByLabelText("Label 2"), "model");
  await page.user.selectOptions(within(dialog).getByLabelText("Comparison 2"), "=~");
  fill(within(dialog).getByLabelText("Value 2"), "gpt.*");
  expect(save.disabled).toBe(true);
  await page.user.type(within(dialog).getByLabelText(/^Why/), "Known until Monday");
  await page.user.click(save);
  const row = (await screen.findByText(/Known until Monday/)).closest("li") as HTMLElement;
  expect(row.textContent).toContain("alert=Slow answers, model=~gpt.*");
  await page.user.click(within(row).getByRole("button", { name: "End" }));
  await waitFor(() => expect(row.textContent).toContain("ended"));
});

describe("a channel", () => {
  test("shows what was told by it, and why something was not", async () => {
    const page = openConsole("/alerts?tab=channels");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Deliveries" }));
    const list = await screen.findByRole("list", { name: "Deliveries" });
    const [failed, sent] = within(list).getAllByRole("listitem");
    expect(failed?.textContent).toContain("The address answered 410: gone.");
    expect(failed?.textContent).toContain("3 tries");
    expect(sent?.textContent).toContain("Slow answers is resolved");
  });

  test("is renamed without telling its address again", async () => {
    const page = openConsole("/alerts?tab=channels");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Change" }));
    const dialog = await screen.findByRole("dialog");
    const name = within(dialog).getByRole("textbox", { name: /^Name/ });
    await page.user.clear(name);
    await page.user.type(name, "night-shift");
    await page.user.click(within(dialog).getByRole("button", { name: "Save" }));
    expect(await screen.findByText("night-shift")).toBeTruthy();
    expect(page.requests.find((one) => one.method === "PUT")?.body).toEqual({
      name: "night-shift",
      url: null,
    });
  });

  test("that is new shows its signing secret once", async () => {
    const page = openConsole("/alerts?tab=channels");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Add a channel" }));
    const dialog = await screen.findByRole("dialog");
    await page.user.type(within(dialog).getByRole("textbox", { name: /^Name/ }), "hook");
    await page.user.type(within(dialog).getByLabelText(/^Address/), "https://hooks.example.com");
    await page.user.click(within(dialog).getByRole("button", { name: "Add" }));
    expect(await screen.findByText("whsec_invented")).toBeTruthy();
    await page.user.click(screen.getByRole("button", { name: "Done" }));
    await waitFor(() => expect(document.body.textContent).not.toContain("whsec_invented"));
  });
});

describe("notifications", () => {
  test("are grouped by labels and told as often as is said", async () => {
    const page = openConsole("/alerts?tab=policy");
    show(page);
    const form = await screen.findByRole("form", { name: "Grouping" });
    const save = within(form).getByRole<HTMLButtonElement>("button", { name: "Save" });
    expect(save.disabled).toBe(true);
    await page.user.type(within(form).getByLabelText("One notification for alerts alike in"), "team{Enter}");
    await page.user.click(save);
    await waitFor(() => expect(page.api.watching.policy.group_by).toEqual(["alert", "team"]));
    expect(page.api.watching.policy.repeat).toBe(14_400);
  });

  test("of one alert hold others back, until that is removed", async () => {
    const page = openConsole("/alerts?tab=policy");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Add an inhibition" }));
    const dialog = await screen.findByRole("dialog");
    const source = within(dialog).getByRole("group", { name: "While an alert fires whose labels match" });
    const target = within(dialog).getByRole("group", { name: "nobody is told of those whose labels match" });
    fill(within(source).getByLabelText("Label 1"), "severity");
    fill(within(source).getByLabelText("Value 1"), "critical");
    fill(within(target).getByLabelText("Label 1"), "severity");
    fill(within(target).getByLabelText("Value 1"), "warning");
    await page.user.click(within(dialog).getByRole("button", { name: "Add" }));
    const list = await screen.findByRole("list", { name: "Inhibitions" });
    expect(list.textContent).toContain("severity=critical fires, severity=warning is not told");
    expect(page.api.watching.policy.inhibitions).toHaveLength(1);
    await page.user.click(within(list).getByRole("button", { name: "Remove inhibition 1" }));
    expect(await screen.findByText("No alert holds another back.")).toBeTruthy();
  });

  test("cannot be changed by who may only read", async () => {
    const page = openConsole("/alerts?tab=policy");
    page.api.denied.add("alerts:write");
    show(page);
    const form = await screen.findByRole("form", { name: "Grouping" });
    expect(within(form).queryByRole("button", { name: "Save" })).toBeNull();
    expect(screen.queryByRole("button", { name: "Add an inhibition" })).toBeNull();
  });
});
