/** The part of a trace's time that is looked at. */

export interface Extent {
  from: number;
  to: number;
}

/** Nothing is shown closer than this: microseconds. */
const CLOSEST = 20;

/** The extent cut to the whole, never too close. */
export function clampExtent(extent: Extent, whole: Extent): Extent {
  const length = Math.min(whole.to - whole.from, Math.max(CLOSEST, extent.to - extent.from));
  const from = Math.min(Math.max(extent.from, whole.from), whole.to - length);
  return { from, to: from + length };
}

/** `factor` below 1 looks closer, above 1 from further; `at` (0 to 1 of what is shown) stays in its place. */
export function zoomBy(extent: Extent, whole: Extent, factor: number, at = 0.5): Extent {
  const length = (extent.to - extent.from) * factor;
  const pivot = extent.from + (extent.to - extent.from) * at;
  return clampExtent({ from: pivot - length * at, to: pivot + length * (1 - at) }, whole);
}

/** Moves by a share of what is shown. */
export function panBy(extent: Extent, whole: Extent, share: number): Extent {
  const step = (extent.to - extent.from) * share;
  return clampExtent({ from: extent.from + step, to: extent.to + step }, whole);
}

/** A span with a little room on either side. */
export function around(span: { started: number; duration: number }, whole: Extent): Extent {
  const room = Math.max(CLOSEST, span.duration * 0.08);
  return clampExtent({ from: span.started - room, to: span.started + span.duration + room }, whole);
}

export function isWhole(extent: Extent, whole: Extent): boolean {
  return extent.from <= whole.from && extent.to >= whole.to;
}
