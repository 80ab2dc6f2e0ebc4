import { useQuery } from "@tanstack/react-query";
import { useDeferredValue, useEffect, useState } from "react";
import type { Proposal } from "@/api/types";
import { lineOf, parseText } from "@/lib/definition-text";
import { type DefinitionKind, type Place, useDefinitionCalls } from "@/lib/definitions";
import type { Mark } from "./source-editor";

const PAUSE_MS = 350;

export interface Problem extends Mark {
  field: string | null;
  hint: string | null;
}

export interface Checked {
  /** What the text says; null when it cannot be read. */
  body: Record<string, unknown> | null;
  /** What it said a moment ago, while it is being changed. */
  read: Record<string, unknown> | null;
  problems: Problem[];
  /** The server's answer to exactly this text; undefined until it is there. */
  proposal: Proposal | undefined;
  error: Error | null;
}

/** The text a moment after the last key. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}

/** What saving this text would do, asked of the server a moment after the last key. */
export function useProposal(kind: DefinitionKind, place: Place, text: string): Checked {
  const calls = useDefinitionCalls(kind);
  const current = useDeferredValue(text);
  const settled = useSettled(current);
  const parsed = parseText(settled);
  const { data, error } = useQuery({
    queryKey: [kind, "proposal", place.name, place.everywhere, settled],
    queryFn: ({ signal }) => calls.propose(place, parsed.value ?? {}, signal),
    enabled: parsed.value !== null && place.name !== "",
    staleTime: 0,
    gcTime: 0,
  });
  const fresh = settled === text;
  const found = data?.problems.map((one) => ({
    line: lineOf(settled, one.field),
    message: one.message,
    field: one.field,
    hint: one.hint ?? null,
  }));
  const unread = parsed.problems.map((one) => ({ ...one, field: null, hint: null }));
  return {
    body: fresh ? parsed.value : null,
    read: parsed.value,
    problems: unread.length ? unread : (found ?? []),
    proposal: fresh && parsed.value !== null ? data : undefined,
    error,
  };
}
