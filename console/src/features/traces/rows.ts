/** The rows of the list: pages by cursor as one scrolls down, new ones by the tail at the top. */

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { api, bodyOf } from "@/api/client";
import type { TraceRow } from "@/api/types";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { addLive, countNew, mergeRows } from "@/lib/live-rows";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import { type TracesSearch, USUAL_SORT } from "./search";
import { OVERLAP_US, useTail } from "./tail";

const PAGE = 100;
/** So many live rows and the list starts over from its newest page, or a day's tail would fill the memory. */
const MOST_LIVE = 5_000;

const NO_FILTER: string[] = [];

/** `held` keeps new rows back, counted, while the reader is elsewhere in the list. */
export function useTraceRows(search: TracesSearch, held: boolean) {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  const filter = search.filter ?? NO_FILTER;
  const { q, sort } = search;
  // Only the newest first can be followed: a new call has no place yet among the dearest.
  const usual = sort === undefined || sort === USUAL_SORT;
  const query = useInfiniteQuery({
    queryKey: ["traces", project.id, range, filter, q, sort],
    queryFn: async ({ pageParam, signal }) => {
      const asked = nowMicroseconds();
      const query = {
        project: project.id,
        ...windowOf(range, asked),
        filter: filter.length ? filter : undefined,
        q,
        sort,
        cursor: pageParam ?? undefined,
        limit: PAGE,
      };
      return { ...bodyOf(await api.GET("/api/v1/traces", { params: { query }, signal })), asked };
    },
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  });

  const { data, dataUpdatedAt, isPlaceholderData } = query;
  const [arrived, setArrived] = useState<TraceRow[]>([]);
  const [shown, setShown] = useState<TraceRow[]>([]);
  const view = `${project.id} ${JSON.stringify(range)} ${filter.join("&")} ${q ?? ""} ${sort ?? ""}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another view starts without the rows of the last one.
  useEffect(() => {
    setArrived([]);
    setShown([]);
  }, [view]);
  useEffect(() => {
    if (!held) setShown(arrived);
  }, [held, arrived]);

  const first = data?.pages[0];
  // From a little before, too: what was stored after the page was asked for, but had started earlier.
  const newest = first ? (first.items[0]?.started ?? first.asked) : null;
  const after = newest !== null && !isPlaceholderData ? newest - OVERLAP_US : null;
  useTail({ project: project.id, filter, q }, after, live && usual, (rows) =>
    setArrived((before) => addLive(before, rows, MOST_LIVE)),
  );

  const fetched = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const rows = useMemo(() => (usual ? mergeRows(shown, fetched) : fetched), [usual, shown, fetched]);
  const { refetch } = query;
  const full = arrived.length >= MOST_LIVE && !held;
  useEffect(() => {
    if (!full) return;
    setArrived([]);
    setShown([]);
    void refetch();
  }, [full, refetch]);

  return {
    ...query,
    rows,
    waiting: held ? countNew(arrived, rows) : 0,
    showWaiting: () => setShown(arrived),
    loadedAt: dataUpdatedAt,
  };
}

/** Names of the keys by id, so that a filter on a key reads as a name. */
export function useKeyNames(): Record<string, string> {
  const { project, may } = useSignedIn();
  const { data } = useQuery({
    queryKey: ["keys", project.id],
    queryFn: async ({ signal }) =>
      bodyOf(await api.GET("/api/v1/keys", { params: { query: { project: project.id } }, signal })).items,
    enabled: may("keys:read"),
    staleTime: 60_000,
  });
  return useMemo(() => Object.fromEntries((data ?? []).map((key) => [key.id, key.name])), [data]);
}
