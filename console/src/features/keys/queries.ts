import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { KeyRow, KeyWithSecret } from "@/api/types";
import { useSignedIn } from "@/lib/session";

export interface NewKey {
  name: string;
  scopes: string[];
  models: string[];
  /** Microseconds since the epoch; null never. */
  expires: number | null;
}

export function useKeyList() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["keys", project.id],
    queryFn: async ({ signal }): Promise<KeyRow[]> =>
      bodyOf(await api.GET("/api/v1/keys", { params: { query: { project: project.id } }, signal })).items,
    refetchInterval: 30_000,
  });
}

export function useKeyChanges() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const refresh = () => client.invalidateQueries({ queryKey: ["keys", project.id] });
  const create = useMutation({
    mutationFn: async (key: NewKey): Promise<KeyWithSecret> =>
      bodyOf(await api.POST("/api/v1/keys", { params: { query }, body: key })),
    onSuccess: refresh,
  });
  const rotate = useMutation({
    mutationFn: async (id: string): Promise<KeyWithSecret> =>
      bodyOf(await api.POST("/api/v1/keys/{id}/rotate", { params: { path: { id }, query } })),
    onSuccess: refresh,
  });
  const revoke = useMutation({
    mutationFn: async (id: string) => {
      await api.DELETE("/api/v1/keys/{id}", { params: { path: { id }, query } });
    },
    onSuccess: refresh,
  });
  return { create, rotate, revoke };
}
