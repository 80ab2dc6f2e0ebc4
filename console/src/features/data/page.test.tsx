import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";

test("the disk's parts and the room that is left are shown", async () => {
  show(openConsole("/data"));
  const disk = await screen.findByRole("region", { name: "Disk" });
  expect(disk.textContent).toContain("863 MB");
  expect(within(disk).getByRole("list", { name: "Parts of the store" }).textContent).toContain("724 MB");
  expect(within(disk).getByRole("list", { name: "Spans of each project" }).textContent).toContain("default");
});

test("a deletion is counted first, confirmed with a word, and seen under way", async () => {
  const page = openConsole("/data");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Delete data" }));
  const dialog = await screen.findByRole("dialog");
  await page.user.type(within(dialog).getByLabelText("Session"), "trip/1");
  await waitFor(() => expect(dialog.textContent).toContain("traces are found"));
  const go = within(dialog).getByRole<HTMLButtonElement>("button", { name: "Delete" });
  expect(go.disabled).toBe(true);
  await page.user.type(within(dialog).getByLabelText("Type delete to confirm"), "delete");
  await page.user.click(go);
  const list = await screen.findByRole("list", { name: "History of deletions" });
  await waitFor(() => expect(list.textContent).toContain("session trip/1"));
  expect(list.textContent).toContain("running (25%)");
});

test("who may not delete is offered no deletion", async () => {
  const page = openConsole("/data");
  page.api.denied.add("traces:delete");
  page.api.denied.add("retention:write");
  show(page);
  await screen.findByText("Nothing was deleted yet.");
  expect(screen.queryByRole("button", { name: "Delete data" })).toBeNull();
});
