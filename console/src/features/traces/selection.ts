/** Rows that were ticked, in the order they were. */

import { useState } from "react";
import type { Selection } from "@/components/rows/rows-table";

export interface Ticked extends Selection {
  keys: readonly string[];
  clear: () => void;
}

export function useSelection(all: readonly string[]): Ticked {
  const [keys, setKeys] = useState<readonly string[]>([]);
  const [last, setLast] = useState<string | null>(null);
  const toggle = (key: string, range: boolean) => {
    const from = last === null ? -1 : all.indexOf(last);
    const to = all.indexOf(key);
    setLast(key);
    setKeys((before) => {
      if (range && from >= 0 && to >= 0) {
        const between = all.slice(Math.min(from, to), Math.max(from, to) + 1);
        return [...before, ...between.filter((one) => !before.includes(one))];
      }
      return before.includes(key) ? before.filter((one) => one !== key) : [...before, key];
    });
  };
  return {
    keys,
    has: (key) => keys.includes(key),
    toggle,
    clear: () => {
      setKeys([]);
      setLast(null);
    },
  };
}
