/** The window a page looks at: a preset that moves with the clock, or two fixed moments. */

export const PRESETS = [
  { id: "15m", label: "Last 15 minutes", seconds: 15 * 60 },
  { id: "1h", label: "Last hour", seconds: 3600 },
  { id: "6h", label: "Last 6 hours", seconds: 6 * 3600 },
  { id: "24h", label: "Last 24 hours", seconds: 24 * 3600 },
  { id: "7d", label: "Last 7 days", seconds: 7 * 86_400 },
  { id: "30d", label: "Last 30 days", seconds: 30 * 86_400 },
] as const;

export type PresetId = (typeof PRESETS)[number]["id"];
export const DEFAULT_PRESET: PresetId = "24h";

/** Microseconds since the epoch. */
export interface TimeWindow {
  from: number;
  to: number;
}

export type TimeRange = { preset: PresetId } | TimeWindow;

export interface RangeSearch {
  range?: PresetId;
  from?: number;
  to?: number;
}

export function isPreset(value: unknown): value is PresetId {
  return PRESETS.some((preset) => preset.id === value);
}

/** The range of an address. A pair that makes no sense falls back to the default. */
export function readRange(search: RangeSearch): TimeRange {
  const { from, to } = search;
  if (from !== undefined && to !== undefined && from < to) return { from, to };
  return { preset: search.range ?? DEFAULT_PRESET };
}

/** The part of an address that says this range; the default is left out. */
export function writeRange(range: TimeRange): RangeSearch {
  if ("preset" in range)
    return {
      range: range.preset === DEFAULT_PRESET ? undefined : range.preset,
      from: undefined,
      to: undefined,
    };
  return { range: undefined, from: range.from, to: range.to };
}

/** True when the window's end moves with the clock. */
export function isMoving(range: TimeRange): range is { preset: PresetId } {
  return "preset" in range;
}

/** The window in microseconds, at a moment of the clock in microseconds. */
export function windowOf(range: TimeRange, now: number): TimeWindow {
  if (!isMoving(range)) return range;
  const preset = PRESETS.find((candidate) => candidate.id === range.preset);
  const seconds = preset ? preset.seconds : 86_400;
  return { from: now - seconds * 1_000_000, to: now };
}

/** `2026-07-01T14:03` in the reader's zone, as `<input type="datetime-local">` wants it. */
export function toLocalInput(us: number): string {
  const date = new Date(us / 1000);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

/** Microseconds of a `datetime-local` value, or null when it is not a time. */
export function fromLocalInput(text: string): number | null {
  const milliseconds = new Date(text).getTime();
  return Number.isNaN(milliseconds) ? null : milliseconds * 1000;
}
