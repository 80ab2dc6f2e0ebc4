import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { openConsole, show } from "@/test/console";
import { linesOf, tableOf } from "./chart-lines";
import { linesOption } from "./options";
import type { WidgetData } from "./queries";
import { NEW_QUERY, type Widget } from "./types";
import { rowsOf } from "./widget-csv";

const HOUR = 3_600_000_000;
const LAYOUT = { x: 0, y: 0, w: 4, h: 3 };
const COUNT: Widget = { title: "Calls", about: "", type: "number", queries: [NEW_QUERY], layout: LAYOUT };
const DOCUMENT = {
  name: "Fruit",
  q: "apples",
  widgets: [COUNT, { ...COUNT, title: "By model", type: "table", layout: { ...LAYOUT, x: 4 } }],
};

function answer(sample: number) {
  const about = sample < 1;
  const point = { value: 41_800, count: 41_800, margin: about ? 2_100 : 0 };
  const points = [
    { t: 0, ...point },
    { t: HOUR, value: about ? null : 3, count: 0, margin: about ? null : 0 },
  ];
  const unknown = about ? 1 : 0;
  return {
    step: HOUR,
    unit: "count" as const,
    groups: 1,
    sample,
    unknown,
    series: [{ labels: [], total: { t: 0, ...point }, points }],
  };
}

test("widgets say what their estimates are worth, and are counted one by one", async () => {
  const page = openConsole("/dashboards/fruit");
  page.override("/api/v1/dashboards/fruit", {
    status: 200,
    body: { id: "fruit", document: DOCUMENT, version: "1", updated: 0, builtin: null },
  });
  page.override("/api/v1/metrics/query", { status: 200, body: answer(0.003) });
  show(page);
  const card = await screen.findByRole("region", { name: "Calls" });
  const value = await within(card).findByText("≈ 41.8K");
  expect(value.title).toBe("From a sample of 0.30% of the spans; ± 2,100");
  expect(card.textContent).toContain("Estimated from 0.30% of the spans; 1 step is not in the sample");
  const other = await screen.findByRole("region", { name: "By model" });
  expect(await within(other).findByText("≈ 41.8K")).toBeTruthy();
  const exact = () =>
    page.requests
      .filter((one) => one.url.pathname === "/api/v1/metrics/query")
      .map((one) => (one.body as { exact: boolean }).exact);
  expect(exact()).toEqual([false, false]);
  page.override("/api/v1/metrics/query", { status: 200, body: answer(1) });
  within(card).getByRole("button", { name: "Count exactly" }).focus();
  await page.user.keyboard("{Enter}");
  await within(card).findByText("41.8K");
  expect(within(card).queryByRole("button", { name: "Count exactly" })).toBeNull();
  await waitFor(() => expect(exact()).toEqual([false, false, true]));
  expect(within(other).getByText("≈ 41.8K")).toBeTruthy();
});

const DATA: WidgetData = {
  window: { from: 0, to: 2 * HOUR },
  step: HOUR,
  results: [answer(0.003)],
  distribution: null,
  sample: 0.003,
  unknown: 1,
};

test("a step that is not in the sample is no point of the line, and others lie in a band of their margin", () => {
  const lines = linesOf({ ...COUNT, type: "line" }, DATA);
  expect(lines.lines[0]?.values).toEqual([41_800, null]);
  const { series } = linesOption(lines, DATA, "line", "light") as { series: { data: unknown[] }[] };
  expect(series).toHaveLength(3);
  expect(series[1]?.data).toEqual([
    [0, 39_700],
    [HOUR / 1000, null],
  ]);
  expect(series[2]?.data).toEqual([
    [0, 4_200],
    [HOUR / 1000, null],
  ]);
  const counted = { ...DATA, results: [answer(1)] };
  expect(linesOption(linesOf(COUNT, counted), counted, "line", "light").series).toHaveLength(1);
});

test("tables and files say that numbers are estimates", () => {
  const table = tableOf({ ...COUNT, type: "table" }, DATA);
  expect(table.rows[0]?.cells[0]).toEqual({
    value: 41_800,
    text: "≈ 41.8K",
    worth: "From a sample of 0.30% of the spans; ± 2,100",
  });
  expect(rowsOf(COUNT, DATA)[0]).toEqual(["calls (count, estimated)"]);
  expect(rowsOf(COUNT, { ...DATA, results: [answer(1)] })[0]).toEqual(["calls (count)"]);
});
