import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { termOf } from "@/lib/query-text";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import { USUAL_SORT, type UsersSearch } from "./search";

const PAGE = 100;
const REFRESH_MS = 15_000;
const MOST_SESSIONS = 50;
const MOST_CALLS = 30;
const HOUR = 3_600_000_000;

/** End users with calls in the window, the last seen first. */
export function useUsers({ q, sort }: UsersSearch) {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["users", project.id, range, q, sort],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        project: project.id,
        ...windowOf(range, nowMicroseconds()),
        q,
        sort: sort ?? USUAL_SORT,
        cursor: pageParam ?? undefined,
        limit: PAGE,
      };
      return bodyOf(await api.GET("/api/v1/users", { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (live && query.state.data?.pages.length === 1 ? REFRESH_MS : false),
  });
}

/** One user over the whole time that is kept: sums, when first and last seen, the newest calls. */
export function useUser(user: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["user-of", project.id, user],
    queryFn: async ({ signal }) => {
      const params = { path: { user }, query: { project: project.id, limit: MOST_CALLS } };
      return bodyOf(await api.GET("/api/v1/users/{user}", { params, signal }));
    },
    refetchInterval: REFRESH_MS,
  });
}

/** The user's sessions in the window, the last first. */
export function useSessionsOf(user: string) {
  const { range } = useAddress();
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["sessions-of", project.id, range, user],
    queryFn: async ({ signal }) => {
      const query = {
        project: project.id,
        ...windowOf(range, nowMicroseconds()),
        q: termOf("user", user),
        sort: "-last",
        limit: MOST_SESSIONS,
      };
      return bodyOf(await api.GET("/api/v1/sessions", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
  });
}

/** A step of whole hours that makes at most some sixty of the window. */
export function stepOf(window: { from: number; to: number }): number {
  const hours = (window.to - window.from) / HOUR;
  const step = [1, 2, 3, 6, 12, 24, 48, 168].find((one) => hours / one <= 62) ?? 168;
  return step * HOUR;
}

/** One metric of the user's calls over time. */
export function useMetricOf(
  user: string,
  metric: { aggregation: "sum" | "count"; field?: string; q?: string },
) {
  const { range } = useAddress();
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["metric-of", project.id, range, user, metric],
    queryFn: async ({ signal }) => {
      const window = windowOf(range, nowMicroseconds());
      const body = {
        population: metric.field ? ("model_calls" as const) : ("traces" as const),
        aggregation: metric.aggregation,
        field: metric.field,
        q: [termOf("user", user), metric.q].filter(Boolean).join(" "),
        ...window,
        step: stepOf(window),
        group_by: [],
        top: 1,
        exact: true,
      };
      const params = { query: { project: project.id } };
      return bodyOf(await api.POST("/api/v1/metrics/query", { params, body, signal }));
    },
    placeholderData: keepPreviousData,
  });
}
