/** Whether the page hears from the console right now; shown in the bar. */

import { useSyncExternalStore } from "react";

export type Connection = "connected" | "reconnecting";

let connection: Connection = "connected";
const listeners = new Set<() => void>();

export function reportConnection(next: Connection): void {
  if (next === connection) return;
  connection = next;
  for (const listener of listeners) listener();
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => connection,
  );
}
