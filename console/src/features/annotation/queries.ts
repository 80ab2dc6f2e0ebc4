import {
  keepPreviousData,
  queryOptions,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useSignedIn } from "@/lib/session";
import type { Shown } from "./search";
import type { AddItems, NewLabel, NewQueue, Queue, QueueReport, Task } from "./types";

const REFRESH_MS = 15_000;
const PAGE = 100;
/** As far back as one looks again. */
const BACK = 50;

/** Queues by name. */
export function useQueues() {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["annotation", project.id, "queues"],
    queryFn: async ({ pageParam, signal }) => {
      const query = { project: project.id, cursor: pageParam ?? undefined, limit: PAGE };
      const page = bodyOf(await api.GET("/api/v1/annotation", { params: { query }, signal }));
      return { ...page, items: page.items as Queue[] };
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    refetchInterval: REFRESH_MS,
  });
}

/** A queue with how far it is, and how good its labels are. */
export function useReport(queue: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["annotation", project.id, "queue", queue, "report"],
    queryFn: async ({ signal }) => {
      const params = { path: { queue }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/annotation/{queue}", { params, signal })) as QueueReport;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useItems(queue: string, shown: Shown) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["annotation", project.id, "queue", queue, "items", shown],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        project: project.id,
        state: shown === "open" || shown === "done" || shown === "skipped" ? shown : undefined,
        only: shown === "disagreements" || shown === "golden" ? shown : undefined,
        cursor: pageParam,
        limit: PAGE,
      };
      const params = { path: { queue }, query };
      return bodyOf(await api.GET("/api/v1/annotation/{queue}/items", { params, signal }));
    },
    initialPageParam: -1,
    getNextPageParam: (last) => (last.next_cursor === null ? undefined : Number(last.next_cursor)),
    placeholderData: keepPreviousData,
  });
}

export function useQueueWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const query = { project: project.id };
  const onSuccess = () => client.invalidateQueries({ queryKey: ["annotation", project.id] });
  return {
    save: useMutation({
      mutationFn: async ({ id, body }: { id: string | null; body: NewQueue }) =>
        id === null
          ? bodyOf(await api.POST("/api/v1/annotation", { params: { query }, body }))
          : bodyOf(
              await api.PUT("/api/v1/annotation/{queue}", { params: { path: { queue: id }, query }, body }),
            ),
      onSuccess,
    }),
    add: useMutation({
      mutationFn: async ({ queue, body }: { queue: string; body: Partial<AddItems> }) => {
        const params = { path: { queue }, query };
        const sent = { items: [], ...body };
        return bodyOf(await api.POST("/api/v1/annotation/{queue}/items", { params, body: sent }));
      },
      onSuccess,
    }),
    remove: useMutation({
      mutationFn: async (queue: string) => {
        await api.DELETE("/api/v1/annotation/{queue}", { params: { path: { queue }, query } });
      },
      // Not the queue itself: its page is left at this moment, and it is not there any more.
      onSuccess: () => client.invalidateQueries({ queryKey: ["annotation", project.id, "queues"] }),
    }),
  };
}

/**
 * The item that comes after another one, kept for whoever asks. Asked while that other one is being labelled, it is
 * there when it is wanted.
 */
export function taskQuery(project: string, queue: string, beside: string) {
  return queryOptions({
    queryKey: ["annotation-task", project, queue, beside],
    queryFn: async ({ signal }) => {
      const params = { path: { queue }, query: { project, beside: beside || undefined } };
      const { task } = bodyOf(await api.POST("/api/v1/annotation/{queue}/next", { params, signal }));
      return task as Task | null;
    },
    // It is held until its lease ends; when the page is left, what it held is asked for anew.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
}

/** What the reader labelled last, the latest first; `after`: how often they have labelled since. */
export function useLabelled(queue: string, after: number, enabled: boolean) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["annotation-labelled", project.id, queue, after],
    queryFn: async ({ signal }) => {
      const params = { path: { queue }, query: { project: project.id, limit: BACK } };
      const page = bodyOf(await api.GET("/api/v1/annotation/{queue}/labelled", { params, signal }));
      return page.items as Task[];
    },
    enabled,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
}

export function useLabel(queue: string) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    // A save that cannot go out says so, instead of waiting unseen until the network is back.
    networkMode: "always",
    mutationFn: async ({ item, label }: { item: string; label: NewLabel }) => {
      const params = { path: { queue, item }, query: { project: project.id } };
      return bodyOf(await api.PUT("/api/v1/annotation/{queue}/items/{item}/label", { params, body: label }));
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["annotation", project.id], refetchType: "none" });
    },
  });
}
