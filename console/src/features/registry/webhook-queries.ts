import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useSignedIn } from "@/lib/session";

const REFRESH_MS = 10_000;

export interface NewWebhook {
  name: string;
  url: string | null;
  events: string[];
  kinds: string[];
  enabled: boolean;
}

export function useWebhooks() {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["webhooks", project.id],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/webhooks", { params, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useWebhookDeliveries(id: string) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["webhooks", project.id, id, "deliveries"],
    queryFn: async ({ pageParam, signal }) => {
      const params = { path: { id }, query: { project: project.id, cursor: pageParam ?? undefined } };
      return bodyOf(await api.GET("/api/v1/webhooks/{id}/deliveries", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: REFRESH_MS,
  });
}

export function useWebhookWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const at = (id: string) => ({ path: { id }, query });
  const onSuccess = () => client.invalidateQueries({ queryKey: ["webhooks", project.id] });
  return {
    save: useMutation({
      mutationFn: async ({ id, body }: { id: string | null; body: NewWebhook }) =>
        id === null
          ? bodyOf(await api.POST("/api/v1/webhooks", { params: { query }, body }))
          : bodyOf(await api.PUT("/api/v1/webhooks/{id}", { params: at(id), body })),
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: async (id: string) => {
        await api.DELETE("/api/v1/webhooks/{id}", { params: at(id) });
      },
      onSuccess,
    }),
    test: useMutation({
      mutationFn: async (id: string) =>
        bodyOf(await api.POST("/api/v1/webhooks/{id}/test", { params: at(id) })),
      onSuccess,
    }),
    retry: useMutation({
      mutationFn: async (id: string) =>
        bodyOf(await api.POST("/api/v1/webhook-deliveries/{id}/retry", { params: at(id) })),
      onSuccess,
    }),
  };
}
