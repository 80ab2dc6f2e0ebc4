import { many, one } from "@/lib/search-params";

export interface PlaygroundSearch {
  /** Stored versions to begin with, `name@version`, one for each variant. */
  prompt?: string[];
  /** What each of them is asked of, in the same order. */
  model?: string[];
  /** A recorded call to begin with. */
  trace?: string;
  span?: string;
}

const REFERENCE = /^[a-z0-9][a-z0-9._/-]{0,127}(@[\w.:-]{1,80})?$/;

export function validatePlayground(raw: Record<string, unknown>): PlaygroundSearch {
  const prompt = many(raw.prompt).filter((text) => REFERENCE.test(text));
  const model = many(raw.model);
  const trace = one(raw.trace);
  const span = one(raw.span);
  return {
    prompt: prompt.length ? prompt : undefined,
    model: model.length ? model : undefined,
    trace: trace && /^[0-9a-f]{32}$/.test(trace) ? trace : undefined,
    span: span && /^[0-9a-f]{16}$/.test(span) ? span : undefined,
  };
}
