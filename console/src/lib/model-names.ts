/** What an application may name as its `model`. */

import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { Models } from "@/api/types";
import { useSignedIn } from "./session";

export interface ModelNames {
  names: string[];
  /** A name for a first chat. */
  example: string;
  loading: boolean;
}

export function useModelNames(): ModelNames {
  const { project, may } = useSignedIn();
  const { data, isLoading } = useQuery({
    queryKey: ["model-names", project.id],
    queryFn: async ({ signal }) =>
      bodyOf(await api.GET("/api/v1/models", { params: { query: { project: project.id } }, signal })),
    enabled: may("models:read"),
    staleTime: 60_000,
  });
  return {
    names: data ? namesOf(data) : [],
    example: (data && exampleOf(data)) ?? "MODEL",
    loading: isLoading,
  };
}

/** Aliases, whole providers, then single models. */
export function namesOf(models: Models): string[] {
  return [
    ...models.aliases.map((alias) => alias.name),
    ...models.providers.map((provider) => `${provider.name}/*`),
    ...models.providers.flatMap((provider) => provider.models.map((model) => model.id)),
  ];
}

/** A name for a first chat: an alias, else a listed model that is not for embeddings. */
export function exampleOf(models: Models): string | undefined {
  const ids = models.providers.flatMap((provider) => provider.models.map((model) => model.id));
  return models.aliases[0]?.name ?? ids.find((id) => !/embed/i.test(id)) ?? ids[0];
}
