import { ApiProblem } from "@/api/problem";
import type { QueryFault } from "./query-field";

/** What an answer says is wrong with a filter, and where; null when the error is about something else. */
export function faultOf(error: Error | null): QueryFault | null {
  if (!(error instanceof ApiProblem) || (error.code !== "invalid_query" && error.field !== "q")) return null;
  const { start, end } = error.extra as { start?: unknown; end?: unknown };
  const from = typeof start === "number" ? start : 0;
  return {
    message: error.message,
    hint: error.hint,
    start: from,
    end: typeof end === "number" ? end : from,
  };
}
