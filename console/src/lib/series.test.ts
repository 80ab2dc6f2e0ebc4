import { describe, expect, test } from "vitest";
import { variables } from "@/app/theme";
import { axisTime, timeSeriesOption } from "./chart-theme";
import { contrast, SERIES_COLORS, SURFACE } from "./series";

describe.each(["light", "dark"] as const)("the colours of the %s page", (scheme) => {
  const tokens = variables({} as never)[scheme] as Record<string, string>;

  test("set every series at least 3:1 against its card (WCAG 1.4.11)", () => {
    for (const [name, color] of Object.entries(SERIES_COLORS[scheme]))
      expect(contrast(color, SURFACE[scheme]), `${name} ${color}`).toBeGreaterThanOrEqual(3);
  });

  test("set text at least 4.5:1 against page, card, hover and selection (WCAG 1.4.3)", () => {
    for (const name of [
      "--text",
      "--text-dim",
      "--text-faint",
      "--accent",
      "--bad",
      "--warn",
      "--good",
      "--violet",
    ])
      for (const ground of ["--page", "--surface", "--hover"])
        expect(
          contrast(tokens[name] ?? "", tokens[ground] ?? ""),
          `${name} on ${ground}`,
        ).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens["--accent"] ?? "", tokens["--accent-soft"] ?? "")).toBeGreaterThanOrEqual(4.5);
    expect(contrast(tokens["--bad"] ?? "", tokens["--bad-soft"] ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  test("match the surface that charts are drawn on", () => expect(tokens["--surface"]).toBe(SURFACE[scheme]));
});

test("contrast follows WCAG's examples", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  expect(contrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
});

describe("a chart", () => {
  const chart = {
    times: [0, 60_000_000, 120_000_000],
    step: 60_000_000,
    format: String,
    scheme: "light" as const,
  };
  const seriesOf = (option: Record<string, unknown>) =>
    option.series as { showSymbol?: boolean; stack?: string; data: unknown[][] }[];

  test("has its times in milliseconds and keeps gaps", () => {
    const option = timeSeriesOption({ ...chart, series: [{ name: "p50", values: [1, null, 3] }] });
    expect(seriesOf(option)[0]?.data).toEqual([
      [0, 1],
      [60_000, null],
      [120_000, 3],
    ]);
  });

  test("shows a dot where a value has no neighbour, or a line would show nothing", () => {
    const lonely = timeSeriesOption({ ...chart, series: [{ name: "p50", values: [null, 2, null] }] });
    const joined = timeSeriesOption({ ...chart, series: [{ name: "p50", values: [1, 2, null] }] });
    expect(seriesOf(lonely)[0]?.showSymbol).toBe(true);
    expect(seriesOf(joined)[0]?.showSymbol).toBe(false);
  });

  test("stacks disjoint buckets", () =>
    expect(
      seriesOf(
        timeSeriesOption({ ...chart, stacked: true, series: [{ name: "input", values: [1, 2, 3] }] }),
      )[0]?.stack,
    ).toBe("all"));

  test("labels days on long windows and hours on short ones", () => {
    const noon = Date.parse("2026-07-01T12:30:00Z");
    const midnight = Date.parse("2026-07-01T00:00:00Z");
    expect(axisTime(noon, 3_600_000)).toBe("12:30");
    expect(axisTime(noon, 7 * 86_400_000)).toBe("Jul 1");
    expect(axisTime(midnight, 24 * 3_600_000)).toBe("Jul 1");
    expect(axisTime(midnight, 3_600_000)).toBe("00:00");
  });
});
