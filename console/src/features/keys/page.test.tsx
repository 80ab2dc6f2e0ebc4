import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { problem } from "@/test/mock-api";
import { expiryOf } from "./create-dialog";

test("a new key is made with its limits, and its secret is shown once", async () => {
  const page = openConsole("/keys");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Create a key" }));
  await page.user.type(await screen.findByLabelText(/Name/), "billing");
  await page.user.type(screen.getByRole("combobox", { name: "Models" }), "openai/*{Enter}");
  await page.user.selectOptions(screen.getByLabelText("Expires"), "30");
  await page.user.click(screen.getByRole("button", { name: "Create" }));
  const secret = "pk-test-8Jq2vX0sWm4nT6yB1cR9dK3fZ7hL5pGa";
  expect(await screen.findByText(secret)).toBeTruthy();
  const request = page.requests.find((one) => one.method === "POST");
  expect(request?.body).toMatchObject({
    name: "billing",
    models: ["openai/*"],
    scopes: ["gateway:call", "gateway:models"],
  });
  const { expires } = (request?.body ?? {}) as { expires?: number };
  expect(expires).toBeGreaterThan(Date.now() * 1000);
  expect(request?.headers.get("x-csrf-token")).toBe("csrf");
  await page.user.click(screen.getByRole("button", { name: "I have copied it" }));
  await waitFor(() => expect(screen.queryByText(secret)).toBeNull());
  expect(await screen.findByRole("link", { name: "billing" })).toBeTruthy();
});

test("a key is revoked only after a question, and then leaves the list", async () => {
  const page = openConsole("/keys");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Revoke ada-laptop" }));
  expect(page.requests.some((one) => one.method === "DELETE")).toBe(false);
  const dialog = await screen.findByRole("dialog", { name: "Revoke ada-laptop?" });
  await page.user.click(within(dialog).getByRole("button", { name: "Revoke" }));
  await waitFor(() => expect(screen.queryByRole("link", { name: "ada-laptop" })).toBeNull());
  await page.user.click(screen.getByRole("button", { name: "Show 1 revoked" }));
  expect(screen.getByText("revoked")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Revoke ada-laptop" })).toBeNull();
});

test("a rotated key shows its new secret", async () => {
  const page = openConsole("/keys");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Rotate support-bot" }));
  const dialog = await screen.findByRole("dialog", { name: "Rotate support-bot?" });
  await page.user.click(within(dialog).getByRole("button", { name: "Rotate" }));
  expect(await screen.findByText("pk-test-8Jq2vX0sWm4nT6yB1cR9dK3fZ7hL5pGa")).toBeTruthy();
});

test("a refusal stands in the dialog, with what was typed kept", async () => {
  const page = openConsole("/keys");
  show(page);
  await page.user.click(await screen.findByRole("button", { name: "Create a key" }));
  await page.user.type(await screen.findByLabelText(/Name/), "billing");
  page.override("/api/v1/keys", problem(403, "permission_denied", "You may not give the scope traces:read."));
  await page.user.click(screen.getByRole("button", { name: "Create" }));
  expect((await screen.findByRole("alert")).textContent).toContain("You may not give the scope traces:read.");
  expect(screen.getByLabelText<HTMLInputElement>(/Name/).value).toBe("billing");
});

test("who may only read sees no way to change", async () => {
  const page = openConsole("/keys");
  const session = page.api.answer("GET", new URL("http://x/api/v1/session")).body as {
    permissions: string[];
  };
  page.override("/api/v1/session", { status: 200, body: { ...session, permissions: ["keys:read"] } });
  show(page);
  await screen.findByRole("link", { name: "support-bot" });
  expect(screen.queryByRole("button", { name: /Create|Revoke|Rotate/ })).toBeNull();
});

test("a lifetime in days becomes a moment", () => {
  expect(expiryOf("", 5)).toBeNull();
  expect(expiryOf("2", 5)).toBe(5 + 2 * 86_400_000_000);
});
