import { type ArtifactSearch, validateArtifact, validateListing } from "@/features/prompts/search";
import type { ArtifactListing } from "@/lib/artifacts";
import { one } from "@/lib/search-params";

export const REGISTRY_TABS = ["models", "evaluators", "webhooks", "protection"] as const;
export type RegistryTab = (typeof REGISTRY_TABS)[number];

export interface RegistrySearch extends ArtifactListing {
  tab?: RegistryTab;
  create?: "yes";
}

export const REGISTERED_TABS = [
  "definition",
  "versions",
  "labels",
  "compare",
  "lineage",
  "comments",
] as const;
export type RegisteredTab = (typeof REGISTERED_TABS)[number];

export interface RegisteredSearch extends ArtifactSearch {
  tab?: RegisteredTab;
}

export function validateRegistry(raw: Record<string, unknown>): RegistrySearch {
  const tab = REGISTRY_TABS.find((candidate) => candidate === one(raw.tab));
  return {
    ...validateListing(raw),
    tab: tab === "models" ? undefined : tab,
    create: one(raw.create) === "yes" ? "yes" : undefined,
  };
}

export function validateRegistered(raw: Record<string, unknown>): RegisteredSearch {
  const tab = REGISTERED_TABS.find((candidate) => candidate === one(raw.tab));
  return { ...validateArtifact(raw), tab: tab === "definition" ? undefined : tab };
}
