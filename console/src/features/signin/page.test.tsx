import { screen, waitFor } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { tokenOf } from "./page";

test("a link's token is traded once, leaves the address, and the page goes on", async () => {
  const page = openConsole("/signin#token=good", { signedIn: false });
  show(page);
  await screen.findByRole("heading", { name: "Overview" });
  expect(page.requests.filter((request) => request.method === "POST")).toHaveLength(1);
  expect(page.history.location.href).not.toContain("good");
});

test("after signing in one is back where one was sent away from", async () => {
  const page = openConsole("/traces?q=shoes", { signedIn: false });
  show(page);
  await screen.findByText(/Your session is over/);
  expect(page.history.location.pathname).toBe("/signin");
  page.history.push(`${page.history.location.pathname}${page.history.location.search}#token=good`);
  await screen.findByRole("heading", { name: "Traces" });
  expect(page.history.location.search).toContain("q=shoes");
});

test("a link that was used says so and how to make another", async () => {
  show(openConsole("/signin#token=stale", { signedIn: false }));
  expect((await screen.findByRole("alert")).textContent).toMatch(/used already or has expired/);
  expect(screen.getByText("penstock signin-link")).toBeTruthy();
});

test("a console that is down is not mistaken for a bad link", async () => {
  const page = openConsole("/signin#token=good", { signedIn: false });
  page.override("/api/v1/session", "unreachable");
  show(page);
  await waitFor(() => expect(screen.getByRole("alert").textContent).toMatch(/does not answer/));
});

test("the token is read from the fragment only", () => {
  expect(tokenOf("#token=a%2Bb")).toBe("a+b");
  expect(tokenOf("token=abc")).toBe("abc");
  expect(tokenOf("#other=abc")).toBeNull();
});
