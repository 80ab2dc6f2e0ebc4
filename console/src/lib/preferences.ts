/** What one person prefers in this browser; lost with the browser's storage, and nothing depends on it. */

import { useLocalStorage } from "@mantine/hooks";

/** `name` is one for the whole console: `traces.columns`. */
export function usePreference<Value>(name: string, usual: Value) {
  return useLocalStorage<Value>({
    key: `penstock.${name}`,
    defaultValue: usual,
    getInitialValueInEffect: false,
  });
}
