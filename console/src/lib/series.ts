/**
 * The colour of every series, the same on every page.
 *
 * Hues follow Okabe and Ito's colour-blind-safe set, with lightness moved until each stands at least
 * 3:1 against its page (WCAG 1.4.11); a test holds that.
 */

export type Scheme = "light" | "dark";

export type SeriesName =
  | "calls"
  | "errors"
  | "p50"
  | "p95"
  | "p99"
  | "ttft_p50"
  | "ttft_p95"
  | "input"
  | "cache_read"
  | "cache_write"
  | "output"
  | "reasoning"
  | "cost"
  | "forecast"
  | "soft"
  | "hard"
  | "hits"
  | "joined"
  | "misses"
  | "saved";

export const SURFACE: Record<Scheme, string> = { light: "#ffffff", dark: "#14181b" };

export const SERIES_COLORS: Record<Scheme, Record<SeriesName, string>> = {
  light: {
    calls: "#0072b2",
    errors: "#c7402d",
    p50: "#3a8ec4",
    p95: "#b06a00",
    p99: "#a3446f",
    ttft_p50: "#3a8ec4",
    ttft_p95: "#b06a00",
    input: "#0072b2",
    cache_read: "#3f95c6",
    cache_write: "#00845f",
    output: "#b87400",
    reasoning: "#b55a90",
    cost: "#00845f",
    forecast: "#5f8f80",
    soft: "#b06a00",
    hard: "#c7402d",
    hits: "#0072b2",
    joined: "#3f95c6",
    misses: "#7d8891",
    saved: "#00845f",
  },
  dark: {
    calls: "#4da3dc",
    errors: "#f0705a",
    p50: "#7cc0ec",
    p95: "#e6a532",
    p99: "#dd85b4",
    ttft_p50: "#7cc0ec",
    ttft_p95: "#e6a532",
    input: "#3f8fcb",
    cache_read: "#85c8f0",
    cache_write: "#2fb68d",
    output: "#e6a532",
    reasoning: "#d386b6",
    cost: "#2fb68d",
    forecast: "#6fa897",
    soft: "#e6a532",
    hard: "#f0705a",
    hits: "#4da3dc",
    joined: "#85c8f0",
    misses: "#7f8a93",
    saved: "#2fb68d",
  },
};

export const SERIES_LABELS: Record<SeriesName, string> = {
  calls: "succeeded",
  errors: "errors",
  p50: "p50",
  p95: "p95",
  p99: "p99",
  ttft_p50: "p50",
  ttft_p95: "p95",
  input: "input",
  cache_read: "cache read",
  cache_write: "cache write",
  output: "output",
  reasoning: "reasoning",
  cost: "cost",
  forecast: "forecast",
  soft: "soft limit",
  hard: "hard limit",
  hits: "hits",
  joined: "joined",
  misses: "misses",
  saved: "saved",
};

/** Contrast of two `#rrggbb` colours, 1 to 21 (WCAG 2.2, relative luminance). */
export function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
