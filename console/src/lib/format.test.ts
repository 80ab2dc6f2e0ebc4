import { describe, expect, test } from "vitest";
import {
  changeOf,
  formatAgo,
  formatBytes,
  formatCompact,
  formatDuration,
  formatMinute,
  formatMoney,
  formatMoneyRow,
  formatMoneyShort,
  formatPercent,
  formatPrice,
  formatRowTime,
  formatTime,
  NOTHING,
} from "./format";

const at = (text: string) => Date.parse(text) * 1000;

describe("money", () => {
  test.each([
    [null, "unknown"],
    [undefined, "unknown"],
    [0, "$0.00"],
    [123_000, "$0.000123"],
    [42, "$0.000000042"],
    [1_000_000_000, "$1.00"],
    [1_234_567_890_000, "$1,234.57"],
    [-5_000_000, "-$0.005000"],
  ])("%s nano-dollars read %s", (nano, text) => expect(formatMoney(nano)).toBe(text));

  test("an unknown cost is never shown as nothing", () => {
    expect(formatMoneyShort(null)).toBe("unknown");
    expect(formatMoneyShort(0)).toBe("$0.00");
  });

  test("a narrow column keeps three significant digits", () => {
    expect(formatMoneyShort(103_968_000)).toBe("$0.104");
    expect(formatMoneyShort(5_428_000)).toBe("$0.00543");
    expect(formatMoneyShort(123_000)).toBe("$0.000123");
    expect(formatMoneyShort(680)).toBe("<$0.000001");
    expect(formatMoneyShort(12_340_000_000)).toBe("$12.34");
    expect(formatMoneyShort(12_345_000_000_000)).toBe("$12.3K");
  });

  test("a column never grows for a tiny amount, nor hides that there is one", () => {
    expect([null, 0, 680, 1_000, 123_000].map(formatMoneyRow)).toEqual([
      "unknown",
      "$0.00",
      "<$0.000001",
      "$0.000001",
      "$0.000123",
    ]);
  });

  test("a price that is not known is a dash, a free model costs nothing", () => {
    expect(formatPrice(null)).toBe(NOTHING);
    expect(formatPrice(0)).toBe("$0.00");
    expect(formatPrice(37_500_000)).toBe("$0.0375");
  });
});

describe("durations", () => {
  test.each([
    [null, NOTHING],
    [0, "0 µs"],
    [850, "850 µs"],
    [1_200, "1.2 ms"],
    [12_340, "12 ms"],
    [999_499, "999 ms"],
    [999_500, "1.00 s"],
    [1_234_000, "1.23 s"],
    [9_995_000, "10.0 s"],
    [59_994_000, "60.0 s"],
    [59_995_000, "1m 00s"],
    [125_000_000, "2m 05s"],
    [3_599_600_000, "1h 00m"],
    [3_720_000_000, "1h 02m"],
    [-850, "-850 µs"],
  ])("%s µs read %s", (us, text) => expect(formatDuration(us)).toBe(text));
});

describe("times", () => {
  test("a full time says its zone", () =>
    expect(formatTime(at("2026-07-01T14:03:22.123Z"))).toBe("2026-07-01 14:03:22.123 UTC"));

  test("a minute says its zone too", () =>
    expect(formatMinute(at("2026-07-01T14:03:22Z"))).toBe("Jul 01 14:03 UTC"));

  test("a row of today shows the clock, an older one its day", () => {
    const now = at("2026-07-01T15:00:00Z");
    expect(formatRowTime(at("2026-07-01T14:03:22.120Z"), now)).toBe("14:03:22.120");
    expect(formatRowTime(at("2026-06-30T14:03:22.120Z"), now)).toBe("Jun 30 14:03:22");
  });

  test.each([
    [-3, "just now"],
    [-30, "30 s ago"],
    [-300, "5 min ago"],
    [-7_200, "2 h ago"],
    [-10 * 86_400, "10 d ago"],
    [300, "in 5 min"],
  ])("%s seconds from now read %s", (seconds, text) => {
    const now = at("2026-07-01T15:00:00Z");
    expect(formatAgo(now + seconds * 1_000_000, now)).toBe(text);
  });
});

test("small shares are not rounded to nothing", () => {
  expect(formatPercent(0)).toBe("0%");
  expect(formatPercent(0.0004)).toBe("0.04%");
  expect(formatPercent(0.046)).toBe("4.6%");
  expect(formatPercent(0.46)).toBe("46%");
  expect(formatPercent(null)).toBe(NOTHING);
  expect(formatPercent(Number.NaN)).toBe(NOTHING);
});

test("counts stay exact below ten thousand", () => {
  expect(formatCompact(9_999)).toBe("9,999");
  expect(formatCompact(12_345)).toBe("12.3K");
  expect(formatCompact(4_560_000)).toBe("4.56M");
  expect(formatCompact(null)).toBe(NOTHING);
});

test("bytes carry their unit", () => {
  expect(formatBytes(999)).toBe("999 B");
  expect(formatBytes(184_320)).toBe("184 KB");
  expect(formatBytes(1_500_000)).toBe("1.5 MB");
});

test("there is no change without something before", () => {
  expect(changeOf(10, 0)).toBeNull();
  expect(changeOf(null, 5)).toBeNull();
  expect(changeOf(15, 10)).toBe(0.5);
  expect(changeOf(0, 10)).toBe(-1);
});
