import { infiniteQueryOptions, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import { type SessionsSearch, USUAL_SORT } from "./search";

const PAGE = 100;
/** Calls of one session. */
const CALLS = 100;
const REFRESH_MS = 15_000;

/** Sessions with calls in the window, the last seen first. */
export function useSessions({ q, sort }: SessionsSearch) {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["sessions", project.id, range, q, sort],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        project: project.id,
        ...windowOf(range, nowMicroseconds()),
        q,
        sort: sort ?? USUAL_SORT,
        cursor: pageParam ?? undefined,
        limit: PAGE,
      };
      return bodyOf(await api.GET("/api/v1/sessions", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (live && query.state.data?.pages.length === 1 ? REFRESH_MS : false),
  });
}

/** One session: its sums, and its calls in order, the newest of them on the first page. */
export function sessionQuery(project: string, session: string) {
  return infiniteQueryOptions({
    queryKey: ["session-of", project, session],
    queryFn: async ({ pageParam, signal }) => {
      const query = { project, cursor: pageParam ?? undefined, limit: CALLS };
      const params = { path: { session }, query };
      return bodyOf(await api.GET("/api/v1/sessions/{session}", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function useSession(session: string) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    ...sessionQuery(project.id, session),
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 1) === 1 ? REFRESH_MS : false),
  });
}
