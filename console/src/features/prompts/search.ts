import type { ArtifactListing } from "@/lib/artifacts";
import { one } from "@/lib/search-params";

export interface PromptsSearch extends ArtifactListing {
  /** The form for a new prompt is open. */
  create?: "yes";
}

export const PROMPT_TABS = ["edit", "versions", "labels", "compare", "usage", "comments"] as const;
export type PromptTab = (typeof PROMPT_TABS)[number];

export interface ArtifactSearch {
  /** The version that is shown: a number, a label, `branch:…`; the newest of main without it. */
  version?: string;
  /** Versions that are compared. */
  before?: string;
  after?: string;
}

export interface PromptSearch extends ArtifactSearch {
  tab?: PromptTab;
}

const VERSION = /^[\w.:/-]{1,160}$/;

export function validateListing(raw: Record<string, unknown>): ArtifactListing {
  return {
    q: one(raw.q),
    folder: one(raw.folder),
    tag: one(raw.tag),
    label: one(raw.label),
    archived: one(raw.archived) === "yes" ? "yes" : undefined,
    sort: one(raw.sort) === "updated" ? "updated" : undefined,
  };
}

export function validatePrompts(raw: Record<string, unknown>): PromptsSearch {
  return { ...validateListing(raw), create: one(raw.create) === "yes" ? "yes" : undefined };
}

export function validateArtifact(raw: Record<string, unknown>): ArtifactSearch {
  const [version, before, after] = [one(raw.version), one(raw.before), one(raw.after)].map((text) =>
    text && VERSION.test(text) ? text : undefined,
  );
  return { version, before, after };
}

export function validatePrompt(raw: Record<string, unknown>): PromptSearch {
  const tab = PROMPT_TABS.find((candidate) => candidate === one(raw.tab));
  return { ...validateArtifact(raw), tab: tab === "edit" ? undefined : tab };
}
