/** Colours of series that have no name of their own in the theme: groups of a metric. */

import { type Scheme, SERIES_COLORS, SERIES_LABELS, type SeriesName } from "./series";

/** Red is left out: it means something is wrong. A test holds their contrast. */
export const GROUP_COLORS: Record<Scheme, readonly string[]> = {
  light: ["#0072b2", "#b06a00", "#00845f", "#a3446f", "#7a5cc0", "#3f95c6", "#7d8891", "#8a6d3b"],
  dark: ["#4da3dc", "#e6a532", "#2fb68d", "#dd85b4", "#a68cf0", "#85c8f0", "#7f8a93", "#c9a86a"],
};

const NAMED = new Map(Object.entries(SERIES_LABELS).map(([name, label]) => [label, name as SeriesName]));

/**
 * A colour for each name: the theme's for those it knows, else one that follows from the name alone,
 * so that a model has its colour on every page; where two would share one, the later takes the next free.
 */
export function colorsOf(names: readonly string[], scheme: Scheme): string[] {
  const palette = GROUP_COLORS[scheme];
  const taken = new Set<string>();
  return names.map((name) => {
    const known = NAMED.get(name) ?? (name in SERIES_COLORS.light ? (name as SeriesName) : undefined);
    let color = known && SERIES_COLORS[scheme][known];
    for (let step = 0; color === undefined || (!known && taken.has(color)); step += 1) {
      color = palette[(hash(name) + step) % palette.length] ?? palette[0] ?? "#0072b2";
      if (step >= palette.length) break;
    }
    taken.add(color);
    return color;
  });
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) {
    value ^= character.codePointAt(0) ?? 0;
    value = Math.imul(value, 0x01000193) >>> 0;
  }
  return value;
}
