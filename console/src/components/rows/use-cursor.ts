/** The keyboard in a list: j and k move, Enter opens, Escape lets go. */

import { useState } from "react";
import { type KeyMap, useKeys } from "@/lib/keys";

export interface Cursor {
  key: string | null;
  clear: () => void;
}

/** `onEscape` is for when no row is under the cursor; `keys` get the row that is. */
export function useCursor<Row>(
  rows: readonly Row[],
  keyOf: (row: Row) => string,
  onOpen: (row: Row) => void,
  options: { onEscape?: () => void; keys?: Record<string, (row: Row) => void> } = {},
): Cursor {
  const [key, setKey] = useState<string | null>(null);
  const at = key === null ? -1 : rows.findIndex((row) => keyOf(row) === key);
  const move = (step: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) setKey(keyOf(next));
  };
  const withRow = (act: (row: Row) => void) => () => {
    const row = rows[at];
    if (row) act(row);
  };
  const others: KeyMap = {};
  for (const [name, act] of Object.entries(options.keys ?? {})) others[name] = withRow(act);
  useKeys({
    ...others,
    j: () => move(1),
    k: () => move(-1),
    arrowdown: () => move(1),
    arrowup: () => move(-1),
    // While no row is under the cursor, Enter presses the button that has the focus.
    ...(at >= 0 && { enter: withRow(onOpen) }),
    escape: () => {
      if (key !== null) setKey(null);
      else options.onEscape?.();
    },
  });
  return { key, clear: () => setKey(null) };
}
