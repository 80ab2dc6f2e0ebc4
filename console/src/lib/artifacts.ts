/** Artifacts of the registry through the control API: what is the same for prompts, models and evaluators. */

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { Comparison } from "@/api/types";
import { useSignedIn } from "./session";

const PAGE = 100;
const REFRESH_MS = 15_000;

export type ArtifactKind = "prompt" | "model" | "evaluator" | "dataset";

/** Which artifact is meant. */
export interface ArtifactPlace {
  kind: ArtifactKind;
  /** With slashes. */
  name: string;
}

export interface ArtifactListing {
  q?: string;
  folder?: string;
  tag?: string;
  label?: string;
  archived?: "yes";
  sort?: "updated";
}

/** What the registry takes for a name. */
export const ARTIFACT_NAME = /^[a-z0-9][a-z0-9._/-]{0,127}$/;

/** In an address the slashes of a name are colons. */
export function toAddress(name: string): string {
  return name.replaceAll("/", ":");
}

export function fromAddress(text: string): string {
  return text.replaceAll(":", "/");
}

/** Path and query of an artifact. */
export function at(project: string, { kind, name }: ArtifactPlace) {
  return { path: { kind, name: toAddress(name) }, query: { project } };
}

const keyOf = (project: string, { kind, name }: ArtifactPlace) => ["artifact", project, kind, name] as const;

export function useArtifacts(kind: ArtifactKind, listing: ArtifactListing) {
  const { project } = useSignedIn();
  const { archived, ...rest } = listing;
  return useInfiniteQuery({
    queryKey: ["artifact", project.id, kind, "", listing],
    queryFn: async ({ pageParam, signal }) => {
      const query = {
        project: project.id,
        ...rest,
        archived: archived === "yes",
        cursor: pageParam ?? undefined,
        limit: PAGE,
      };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}", { params: { path: { kind }, query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.pages.length === 1 ? REFRESH_MS : false),
  });
}

export function useArtifact(place: ArtifactPlace, enabled = true) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: [...keyOf(project.id, place), "one"],
    queryFn: async ({ signal }) =>
      bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}", { params: at(project.id, place), signal })),
    enabled,
    refetchInterval: REFRESH_MS,
  });
}

export function useVersions(place: ArtifactPlace, branch?: string) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: [...keyOf(project.id, place), "versions", branch],
    queryFn: async ({ pageParam, signal }) => {
      const { path, query } = at(project.id, place);
      const params = { path, query: { ...query, branch, cursor: pageParam ?? undefined, limit: PAGE } };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}/versions", { params, signal }));
    },
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.next_cursor === null ? null : Number(page.next_cursor)),
  });
}

/** One version with its body: it never changes under its number. */
export function versionQuery(project: string, place: ArtifactPlace, version: string) {
  const fixed = /^\d+$|^sha256:/.test(version);
  return {
    queryKey: [...keyOf(project, place), "version", version] as const,
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const { path, query } = at(project, place);
      const params = { path: { ...path, version }, query };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}/versions/{version}", { params, signal }));
    },
    staleTime: fixed ? 10 * 60_000 : 0,
  };
}

export function useVersion(place: ArtifactPlace, version: string, enabled = true) {
  const { project } = useSignedIn();
  return useQuery({ ...versionQuery(project.id, place, version), enabled, refetchOnWindowFocus: false });
}

export function useComparison(place: ArtifactPlace, from: string | undefined, to: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: [...keyOf(project.id, place), "diff", from, to],
    queryFn: async ({ signal }): Promise<Comparison> => {
      const { path, query } = at(project.id, place);
      const params = { path, query: { ...query, from, to } };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}/diff", { params, signal }));
    },
  });
}

/** What saving this body would change; asked only for a body that can be read. */
export function useArtifactProposal(place: ArtifactPlace, body: unknown, version: string, enabled: boolean) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: [...keyOf(project.id, place), "proposal", version, body],
    queryFn: async ({ signal }): Promise<Comparison> => {
      const params = at(project.id, place);
      const sent = { body, version };
      return bodyOf(await api.POST("/api/v1/artifacts/{kind}/{name}/diff", { params, body: sent, signal }));
    },
    enabled,
    gcTime: 0,
    retry: false,
  });
}

export function useLabelMoves(place: ArtifactPlace) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: [...keyOf(project.id, place), "moves"],
    queryFn: async ({ pageParam, signal }) => {
      const { path, query } = at(project.id, place);
      const params = { path, query: { ...query, cursor: pageParam ?? undefined } };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}/label-moves", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
}

export function useComments(place: ArtifactPlace) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: [...keyOf(project.id, place), "comments"],
    queryFn: async ({ pageParam, signal }) => {
      const { path, query } = at(project.id, place);
      const params = { path, query: { ...query, cursor: pageParam ?? undefined } };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}/comments", { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    refetchInterval: REFRESH_MS,
  });
}

export function useLineage(place: ArtifactPlace, version: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: [...keyOf(project.id, place), "lineage", version],
    queryFn: async ({ signal }) => {
      const { path, query } = at(project.id, place);
      const params = { path, query: { ...query, version } };
      return bodyOf(await api.GET("/api/v1/artifacts/{kind}/{name}/lineage", { params, signal }));
    },
  });
}

/** Labels that only those move who may promote. */
export function useProtectedLabels(kind: ArtifactKind) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["artifact", project.id, kind, "", "protected"],
    queryFn: async ({ signal }) => {
      const params = { path: { kind }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/protected-labels/{kind}", { params, signal })).labels;
    },
    staleTime: 60_000,
  });
}

/** The permission that moving a label takes, and whether it is there. */
export function labelPermission(
  may: (permission: string) => boolean,
  kind: ArtifactKind,
  label: string,
  isProtected: boolean,
): { allowed: boolean; needed: string } {
  if (!isProtected) return { allowed: may(`${kind}s:write`), needed: `${kind}s:write` };
  const needed = `${kind}s:promote:${label}`;
  return { allowed: may(`${kind}s:promote`) || may(needed), needed };
}
