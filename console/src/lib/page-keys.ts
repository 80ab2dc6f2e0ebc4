/** Keys of the page that is open, for the list of all keys. */

import { useEffect, useSyncExternalStore } from "react";

export interface PageKeys {
  title: string;
  keys: readonly [string[], string][];
}

let current: PageKeys | null = null;
const listeners = new Set<() => void>();

function set(next: PageKeys | null): void {
  current = next;
  for (const listener of listeners) listener();
}

/** `keys` is a constant of the page. */
export function usePageKeys(title: string, keys: PageKeys["keys"]): void {
  useEffect(() => {
    const own = { title, keys };
    set(own);
    return () => {
      if (current === own) set(null);
    };
  }, [title, keys]);
}

export function useOpenPageKeys(): PageKeys | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
