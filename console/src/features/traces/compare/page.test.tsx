import { screen, waitFor, within } from "@testing-library/react";
import { describe, expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { makeRichTrace } from "@/test/mock-spans";
import { traceIdIn } from "../detail/compare-button";
import { sayDelta } from "./delta";

describe("two traces", () => {
  test("stand beside each other, what differs marked word by word", async () => {
    const page = openConsole("/traces", { rows: 5 });
    const [one, other] = page.api.rows;
    if (!one || !other) throw new Error("The mock has no rows.");
    for (const row of [one, other]) {
      const spans = makeRichTrace(row).filter((span) => row === one || span.kind !== "retriever");
      const body = {
        trace_id: row.trace_id,
        spans: spans.map((span) =>
          row === other && span.kind === "gateway"
            ? { ...span, output: [{ role: "assistant", parts: [{ type: "text", content: "Never." }] }] }
            : span,
        ),
        totals: { duration: row.duration, cost: row.cost, usage: row.usage },
        scores: [],
        complete: true,
      };
      page.override(`/api/v1/traces/${row.trace_id}`, { status: 200, body });
    }
    page.history.push(`/traces/compare?a=${one.trace_id}&b=${other.trace_id}`);
    show(page);
    const tree = await screen.findByRole("tree", { name: "Spans of both" });
    expect(within(tree).getAllByRole("treeitem")).toHaveLength(5);
    expect(within(tree).getAllByText("not there")).toHaveLength(1);
    await page.user.keyboard("jj");
    const texts = await screen.findByRole("region", { name: "Span chat support" });
    await waitFor(() => expect(texts.querySelector("ins")?.textContent).toContain("Never"));
    expect(texts.textContent).toContain("The same, word for word");
  });

  test("are asked for when they are not named", async () => {
    show(openConsole("/traces/compare?a=zzz"));
    expect(await screen.findByText("Two traces are needed.")).toBeTruthy();
  });
});

test.each([
  [120, 100, "+20%"],
  [50, 100, "-50%"],
  [100.4, 100, "+0.4%"],
  [500, 100, "+ ×5.0"],
  [100, 100, null],
  [100, null, null],
  [100, 0, null],
])("%s after %s is %s", (value, than, text) => expect(sayDelta(value, than)).toBe(text));

test("a trace id is found in an address, and nothing else is taken for one", () => {
  const id = "0123456789abcdef0123456789abcdef";
  expect(traceIdIn(`https://console/traces/${id}?span=1`)).toBe(id);
  expect(traceIdIn(id.toUpperCase())).toBe(id);
  expect(traceIdIn(`${id}0`)).toBeNull();
});
