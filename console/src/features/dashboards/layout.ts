/** Where widgets lie: a grid of twelve columns in which nothing overlaps and nothing floats. */

import type { Box, Widget } from "./types";

export const COLUMNS = 12;
const LOWEST = { w: 2, h: 2 };
const HIGHEST = 20;

export function boxOf(widget: Widget): Box {
  return widget.layout ?? { x: 0, y: 0, w: 6, h: 4 };
}

/** A box within the grid, not too small to read. */
export function within(box: Box): Box {
  const w = Math.max(LOWEST.w, Math.min(COLUMNS, box.w));
  return {
    w,
    h: Math.max(LOWEST.h, Math.min(HIGHEST, box.h)),
    x: Math.max(0, Math.min(COLUMNS - w, box.x)),
    y: Math.max(0, box.y),
  };
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.w &&
    other.x < one.x + one.w &&
    one.y < other.y + other.h &&
    other.y < one.y + one.h
  );
}

/**
 * Each box as high up as it can be, in order of rows; `first` has its place before the others, which make
 * room for it.
 */
export function compact(boxes: readonly Box[], first?: number): Box[] {
  const order = boxes
    .map((_, index) => index)
    .sort((a, b) => {
      const [one, other] = [boxes[a] as Box, boxes[b] as Box];
      return one.y - other.y || Number(b === first) - Number(a === first) || one.x - other.x;
    });
  const placed = new Map<number, Box>();
  for (const index of order) {
    const box = within(boxes[index] as Box);
    const others = [...placed.values()];
    let y = 0;
    while (others.some((other) => overlap({ ...box, y }, other))) y += 1;
    placed.set(index, { ...box, y });
  }
  return boxes.map((box, index) => placed.get(index) ?? box);
}

/** The widgets after one got another place or size. */
export function moveWidget(widgets: readonly Widget[], index: number, box: Box): Widget[] {
  const wanted = within(box);
  const before = widgets.map(boxOf);
  const own = before[index];
  // Moved down past another, it takes that one's place: half its height is enough to swap.
  const down = own !== undefined && wanted.y > own.y;
  const boxes = before.map((one, at) => {
    if (at === index) return wanted;
    if (own && down && sharesColumns(one, wanted) && one.y >= own.y + own.h && one.y <= wanted.y + own.h - 1)
      return { ...one, y: one.y - own.h };
    return one;
  });
  const placed = compact(boxes, index);
  return widgets.map((widget, at) => ({ ...widget, layout: placed[at] ?? boxOf(widget) }));
}

function sharesColumns(one: Box, other: Box): boolean {
  return one.x < other.x + other.w && other.x < one.x + one.w;
}

export function withoutWidget(widgets: readonly Widget[], index: number): Widget[] {
  const rest = widgets.filter((_, at) => at !== index);
  const placed = compact(rest.map(boxOf));
  return rest.map((widget, at) => ({ ...widget, layout: placed[at] ?? boxOf(widget) }));
}

/** Below all that is there. */
export function nextBox(widgets: readonly Widget[], type: Widget["type"]): Box {
  const bottom = Math.max(0, ...widgets.map((widget) => boxOf(widget).y + boxOf(widget).h));
  return type === "number" ? { x: 0, y: bottom, w: 3, h: 2 } : { x: 0, y: bottom, w: 6, h: 4 };
}
