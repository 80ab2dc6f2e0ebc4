import { useState } from "react";

/** Whether a question is asked exactly: until it is another one. */
export function useExact(question: readonly unknown[]) {
  const asked = JSON.stringify(question);
  const [chosen, choose] = useState<string | null>(null);
  return { exact: chosen === asked || undefined, count: () => choose(asked) };
}
