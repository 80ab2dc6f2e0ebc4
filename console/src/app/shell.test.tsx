import { screen, waitFor } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { matchCommands } from "./palette";

describe("the shell", () => {
  test("offers the pages that exist and marks the one shown", async () => {
    show(openConsole("/models"));
    await screen.findByRole("heading", { name: "Models" });
    const [rail] = screen.getAllByRole("navigation", { name: "Pages" });
    const links = [...(rail?.querySelectorAll("a") ?? [])].map((link) => link.textContent?.trim());
    expect(links).toEqual([
      "Penstock",
      "Overview",
      "Traces",
      "Sessions",
      "Users",
      "Dashboards",
      "Alerts",
      "SLOs",
      "Incidents",
      "Prompts",
      "Playground",
      "Datasets",
      "Experiments",
      "Annotation",
      "Calibrations",
      "Registry",
      "Routes",
      "Limits",
      "Health",
      "Cache",
      "Models",
      "Keys",
      "Secrets",
      "Data",
    ]);
    expect(rail?.querySelector('[data-status="active"]')?.textContent).toContain("Models");
  });

  test("opens on the overview, and keeps project and range from page to page", async () => {
    const page = openConsole("/?project=research&range=7d");
    show(page);
    await screen.findByRole("heading", { name: "Overview" });
    await page.user.keyboard("gt");
    await screen.findByRole("heading", { name: "Traces" });
    expect(page.history.location.href).toBe("/traces?project=research&range=7d");
    await page.user.keyboard("gk");
    await screen.findByRole("heading", { name: "Keys" });
  });

  test("leaves filters behind when another page is chosen", async () => {
    const page = openConsole("/traces?filter=status:eq:ok&q=x");
    show(page);
    await screen.findByRole("heading", { name: "Traces" });
    await page.user.keyboard("go");
    await waitFor(() => expect(page.history.location.href).toBe("/overview"));
  });

  test("changes the time range in the address", async () => {
    const page = openConsole("/overview");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: "Time range: Last 24 hours" }));
    await page.user.click(await screen.findByRole("button", { name: /Last 7 days/ }));
    await waitFor(() => expect(page.history.location.search).toBe("?range=7d"));
  });

  test("asks for data of the project that was switched to", async () => {
    const page = openConsole("/overview");
    show(page);
    await page.user.click(
      (await screen.findAllByRole("button", { name: "Project: default" }))[0] as HTMLElement,
    );
    await page.user.click(await screen.findByRole("menuitem", { name: "research" }));
    await waitFor(() => expect(page.requests.at(-1)?.url.searchParams.get("project")).toMatch(/2$/));
  });

  test("lists the keys with ? and closes with Escape", async () => {
    const page = openConsole("/overview");
    show(page);
    await screen.findByRole("heading", { name: "Overview" });
    await page.user.keyboard("?");
    expect(await screen.findByRole("dialog", { name: "Keyboard" })).toBeTruthy();
    await page.user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  test("typing in a field is not taken for shortcuts", async () => {
    const page = openConsole("/traces");
    show(page);
    await page.user.click(await screen.findByRole("combobox", { name: "Filter traces" }));
    await page.user.keyboard("go?");
    expect(page.history.location.pathname).toBe("/traces");
    expect(screen.queryByRole("dialog")).toBeNull();
  });

  test("signs out to the sign-in page", async () => {
    const page = openConsole("/overview");
    show(page);
    await page.user.click(await screen.findByRole("button", { name: /admin/ }));
    await page.user.click(await screen.findByRole("menuitem", { name: "Sign out" }));
    await waitFor(() => expect(page.history.location.pathname).toBe("/signin"));
    expect(page.requests.some((request) => request.method === "DELETE")).toBe(true);
  });

  test("an address without a page says so", async () => {
    show(openConsole("/nowhere"));
    expect(await screen.findByText("There is no page at this address.")).toBeTruthy();
  });

  test("a console that does not answer can be tried again", async () => {
    const page = openConsole("/overview");
    page.override("/api/v1/session", "unreachable");
    show(page);
    expect((await screen.findByRole("alert")).textContent).toContain("does not answer");
    page.override("/api/v1/session", null);
    await page.user.click(screen.getByRole("button", { name: "Try again" }));
    expect(
      await screen.findByRole("navigation", { name: "Pages" }).catch(() => screen.getAllByRole("navigation")),
    ).toBeTruthy();
  });
});

describe("the palette", () => {
  test("opens with Ctrl-K, finds a page and goes there", async () => {
    const page = openConsole("/overview");
    show(page);
    await screen.findByRole("heading", { name: "Overview" });
    await page.user.keyboard("{Control>}k{/Control}");
    await page.user.type(await screen.findByRole("combobox", { name: "Command" }), "mod{Enter}");
    await waitFor(() => expect(page.history.location.pathname).toBe("/models"));
  });

  test("opens a pasted trace id", async () => {
    const page = openConsole("/overview");
    show(page);
    await screen.findByRole("heading", { name: "Overview" });
    await page.user.keyboard("{Control>}k{/Control}");
    const id = "ab".repeat(16);
    await page.user.type(await screen.findByRole("combobox", { name: "Command" }), `${id}{Enter}`);
    await waitFor(() => expect(page.history.location.pathname).toBe(`/traces/${id}`));
  });

  test("searches calls for what is no command", async () => {
    const page = openConsole("/overview");
    show(page);
    await screen.findByRole("heading", { name: "Overview" });
    await page.user.keyboard("{Control>}k{/Control}");
    await page.user.type(await screen.findByRole("combobox", { name: "Command" }), "sheep pens{Enter}");
    await waitFor(() => expect(page.history.location.href).toBe("/traces?q=sheep+pens"));
  });

  test("needs every word, and prefers labels that start with the text", () => {
    const command = (label: string, group: string) => ({
      id: label,
      label,
      group,
      icon: "search" as const,
      run: () => {},
    });
    const all = [
      command("Dark colours", "Appearance"),
      command("Last hour", "Time range"),
      command("Range keys", "Help"),
    ];
    expect(matchCommands(all, "range").map((one) => one.label)).toEqual(["Range keys", "Last hour"]);
    expect(matchCommands(all, "time hour").map((one) => one.label)).toEqual(["Last hour"]);
    expect(matchCommands(all, "time dark")).toEqual([]);
  });
});
