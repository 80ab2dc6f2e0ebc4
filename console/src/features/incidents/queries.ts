import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { paths } from "@/api/generated/schema";
import { useSignedIn } from "@/lib/session";
import type { IncidentState, PostmortemText } from "./types";

type Sent<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } }
  ? Body
  : never;
type NewIncident = Sent<paths["/api/v1/incidents"]["post"]>;
type IncidentChange = Partial<Sent<paths["/api/v1/incidents/{id}"]["patch"]>>;

const REFRESH_MS = 10_000;
const PAGE = 50;

export function useIncidents(state: IncidentState | undefined) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["incidents", project.id, "list", state],
    queryFn: async ({ signal, pageParam }) => {
      const query = { project: project.id, state, limit: PAGE, cursor: pageParam ?? undefined };
      return bodyOf(await api.GET("/api/v1/incidents", { params: { query }, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (last) => (last.next_cursor ? Number(last.next_cursor) : null),
    refetchInterval: REFRESH_MS,
  });
}

export function useIncident(id: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["incidents", project.id, id],
    queryFn: async ({ signal }) => {
      const params = { path: { id }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/incidents/{id}", { params, signal }));
    },
    refetchInterval: REFRESH_MS,
  });
}

/** A text in Markdown by its version, null for the last; kept as it is while it is written on. */
export function usePostmortem(id: string, version: number | null) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["incidents", project.id, id, "postmortem", version],
    queryFn: async ({ signal }): Promise<PostmortemText> => {
      const query = { project: project.id, version: version ?? undefined };
      const params = { path: { id }, query };
      return bodyOf(await api.GET("/api/v1/incidents/{id}/postmortem", { params, signal }));
    },
    refetchOnWindowFocus: false,
    gcTime: 0,
  });
}

export function usePostmortemWrite(id: string) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ markdown, version }: { markdown: string; version: number | null }) => {
      const header = { "if-match": version === null ? "*" : `"${version}"` };
      const params = { path: { id }, query: { project: project.id }, header };
      return bodyOf(await api.PUT("/api/v1/incidents/{id}/postmortem", { params, body: { markdown } }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["incidents", project.id, id] }),
  });
}

export function useIncidentWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () =>
    client.invalidateQueries({
      queryKey: ["incidents", project.id],
      predicate: ({ queryKey }) => queryKey[3] !== "postmortem",
    });
  return {
    open: useMutation({
      mutationFn: async (body: NewIncident) =>
        bodyOf(await api.POST("/api/v1/incidents", { params: { query }, body })),
      onSuccess,
    }),
    change: useMutation({
      mutationFn: async ({ id, change }: { id: string; change: IncidentChange }) =>
        bodyOf(await api.PATCH("/api/v1/incidents/{id}", { params: { path: { id }, query }, body: change })),
      onSuccess,
    }),
    note: useMutation({
      mutationFn: async ({ id, text, trace_id }: { id: string; text: string; trace_id: string | null }) => {
        const params = { path: { id }, query };
        return bodyOf(await api.POST("/api/v1/incidents/{id}/notes", { params, body: { text, trace_id } }));
      },
      onSuccess,
    }),
    tick: useMutation({
      mutationFn: async ({ id, step, done }: { id: string; step: number; done: boolean }) => {
        const params = { path: { id, step }, query };
        return bodyOf(await api.PUT("/api/v1/incidents/{id}/steps/{step}", { params, body: { done } }));
      },
      onSuccess,
    }),
  };
}
