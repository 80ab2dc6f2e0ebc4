/** Saved views: how they are read and written, and what part of a time range they keep. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { SavedView, ViewDocument } from "@/api/types";
import { useSignedIn } from "./session";
import { isMoving, PRESETS, type PresetId, type TimeRange } from "./time-range";

export type { SavedView, ViewDocument };

const MICROSECONDS = 1_000_000;

export function useViews(page: ViewDocument["page"]) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["views", project.id, page],
    queryFn: async ({ signal }) => {
      const params = { query: { project: project.id, page } };
      return bodyOf(await api.GET("/api/v1/views", { params, signal })).items;
    },
    staleTime: 60_000,
  });
}

export function useViewWrites() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const onSuccess = () => client.invalidateQueries({ queryKey: ["views", project.id] });
  const query = { project: project.id };
  const save = useMutation({
    mutationFn: async ({ view, document }: { view: SavedView | undefined; document: ViewDocument }) => {
      if (!view) return bodyOf(await api.POST("/api/v1/views", { params: { query }, body: document }));
      const params = { path: { view: view.id }, query, header: { "if-match": String(view.version) } };
      return bodyOf(await api.PUT("/api/v1/views/{view}", { params, body: document }));
    },
    onSuccess,
  });
  const remove = useMutation({
    mutationFn: async (view: SavedView) => {
      const params = { path: { view: view.id }, query, header: { "if-match": String(view.version) } };
      await api.DELETE("/api/v1/views/{view}", { params });
    },
    onSuccess,
  });
  return { save, remove };
}

/** Microseconds up to now, of a range that moves; a fixed one is not kept. */
export function windowToKeep(range: TimeRange): number | null {
  if (!isMoving(range)) return null;
  const preset = PRESETS.find((one) => one.id === range.preset);
  return preset ? preset.seconds * MICROSECONDS : null;
}

/** The shortest preset that holds a window; undefined when the view keeps none. */
export function presetOfWindow(window: number | null | undefined): PresetId | undefined {
  if (!window) return undefined;
  return (PRESETS.find((one) => one.seconds * MICROSECONDS >= window) ?? PRESETS[PRESETS.length - 1])?.id;
}
