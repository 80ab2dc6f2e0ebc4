import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { paths } from "@/api/generated/schema";
import type { Secret } from "@/api/types";

type NewSecret = paths["/api/v1/secrets"]["post"]["requestBody"]["content"]["application/json"];

/** Secrets belong to the whole installation, whatever project is looked at. */
/** Addresses of alert channels are sealed as secrets too; who changes a channel changes them. */
const OF_CHANNELS = "channel.";

export function useSecrets(allowed: boolean) {
  return useQuery({
    queryKey: ["secrets"],
    queryFn: async ({ signal }): Promise<Secret[]> => {
      const { items } = bodyOf(await api.GET("/api/v1/secrets", { signal }));
      return items.filter((secret) => !secret.name.startsWith(OF_CHANNELS));
    },
    enabled: allowed,
  });
}

export function useSecretWrites() {
  const client = useQueryClient();
  const onSuccess = () => client.invalidateQueries({ queryKey: ["secrets"] });
  return {
    set: useMutation({
      mutationFn: async (body: NewSecret) => bodyOf(await api.POST("/api/v1/secrets", { body })),
      onSuccess,
      // The value does not stay in the cache of what was done.
      gcTime: 0,
    }),
    remove: useMutation({
      mutationFn: async (name: string) => {
        await api.DELETE("/api/v1/secrets/{name}", { params: { path: { name } } });
      },
      onSuccess,
    }),
    rotate: useMutation({
      mutationFn: async () => bodyOf(await api.POST("/api/v1/secrets/rotate")),
      onSuccess,
    }),
  };
}
