/** Keeps what stands in the playground in this browser, one draft for each project. */

import { useState } from "react";
import { useModelNames } from "@/lib/model-names";
import { usePreference } from "@/lib/preferences";
import { useSignedIn } from "@/lib/session";
import { type Draft, firstDraft } from "./draft";
import type { PlaygroundSearch } from "./search";
import { useStart } from "./use-start";

interface Kept {
  /** The address that it began with; empty for none. */
  address: string;
  draft: Draft | null;
}

export interface KeptDraft {
  draft: Draft | null;
  change: (next: (draft: Draft) => Draft) => void;
  reset: () => void;
  error: Error | null;
  retry: () => void;
}

/** What is opened from an address does not write over what a person was about: it has a place of its own. */
export function useDraft(search: PlaygroundSearch): KeptDraft {
  const { project } = useSignedIn();
  const { example, loading } = useModelNames();
  const address = search.prompt || search.trace ? JSON.stringify(search) : "";
  const place = address ? `playground.opened.${project.id}` : `playground.${project.id}`;
  const [kept, setKept] = usePreference<Kept>(place, { address: "", draft: null });
  const [first] = useState(() => firstDraft(""));
  const own = kept.address === address ? kept.draft : null;
  const start = useStart(own ? {} : search, example);
  const usual = loading ? null : withModel(first, example);
  const draft = own ?? (address ? (start.data ?? null) : usual);
  return {
    draft,
    change: (next) =>
      setKept((before) => {
        const current = before.address === address ? before.draft : null;
        const base = current ?? draft;
        return base ? { address, draft: next(base) } : before;
      }),
    reset: () => setKept({ address: "", draft: null }),
    error: start.error,
    retry: () => void start.refetch(),
  };
}

function withModel(draft: Draft, model: string): Draft {
  return { ...draft, variants: draft.variants.map((one) => ({ ...one, model: one.model || model })) };
}
