/** Writing to the registry: what a page shows of the kind follows. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { Artifact, ArtifactBranch, ArtifactLabel, SavedVersion } from "@/api/types";
import { type ArtifactKind, type ArtifactPlace, at } from "./artifacts";
import { useSignedIn } from "./session";

export function useProtection(kind: ArtifactKind) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (labels: string[]) => {
      const params = { path: { kind }, query: { project: project.id } };
      return bodyOf(await api.PUT("/api/v1/protected-labels/{kind}", { params, body: { labels } }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["artifact", project.id, kind] }),
  });
}

export interface NewVersion {
  body: unknown;
  branch: string;
  message: string;
  /** Digest that the branch's head must have; empty: there is no version yet. */
  expected: string | null;
  create?: boolean;
}

/** Saves a version of any artifact, also of one that is only made by it. */
export function useSaveVersion(kind: ArtifactKind) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ name, version }: { name: string; version: NewVersion }): Promise<SavedVersion> => {
      const { path, query } = at(project.id, { kind, name });
      const { create = false, ...draft } = version;
      const params = { path, query: { ...query, create } };
      return bodyOf(
        await api.POST("/api/v1/artifacts/{kind}/{name}/versions", { params, body: { ...draft, uses: [] } }),
      );
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["artifact", project.id, kind] }),
  });
}

/** All other writing to one artifact; what the page shows follows. */
export function useArtifactWrites(place: ArtifactPlace) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const params = at(project.id, place);
  const onSuccess = () => client.invalidateQueries({ queryKey: ["artifact", project.id, place.kind] });
  const labelled = (label: string) => ({ path: { ...params.path, label }, query: params.query });
  return {
    change: useMutation({
      mutationFn: async (body: { description?: string | null; tags?: string[] | null }) =>
        bodyOf(await api.PATCH("/api/v1/artifacts/{kind}/{name}", { params, body })),
      onSuccess,
    }),
    archive: useMutation({
      mutationFn: async (archived: boolean): Promise<Artifact> =>
        archived
          ? bodyOf(await api.POST("/api/v1/artifacts/{kind}/{name}/archive", { params }))
          : bodyOf(await api.POST("/api/v1/artifacts/{kind}/{name}/unarchive", { params })),
      onSuccess,
    }),
    move: useMutation({
      mutationFn: async ({ label, ...body }: MoveLabel): Promise<ArtifactLabel> =>
        bodyOf(
          await api.PUT("/api/v1/artifacts/{kind}/{name}/labels/{label}", { params: labelled(label), body }),
        ),
      onSuccess,
    }),
    rollback: useMutation({
      mutationFn: async ({ label, reason }: { label: string; reason: string }): Promise<ArtifactLabel> =>
        bodyOf(
          await api.POST("/api/v1/artifacts/{kind}/{name}/labels/{label}/rollback", {
            params: labelled(label),
            body: { reason },
          }),
        ),
      onSuccess,
    }),
    removeLabel: useMutation({
      mutationFn: async ({ label, reason }: { label: string; reason: string }) => {
        const { path, query } = labelled(label);
        await api.DELETE("/api/v1/artifacts/{kind}/{name}/labels/{label}", {
          params: { path, query: { ...query, reason } },
        });
      },
      onSuccess,
    }),
    branch: useMutation({
      mutationFn: async (body: { name: string; version: string }): Promise<ArtifactBranch> =>
        bodyOf(await api.POST("/api/v1/artifacts/{kind}/{name}/branches", { params, body })),
      onSuccess,
    }),
    merge: useMutation({
      mutationFn: async ({
        branch,
        ...body
      }: {
        branch: string;
        expected: string | null;
        message: string;
      }) => {
        const path = { ...params.path, branch };
        return bodyOf(
          await api.POST("/api/v1/artifacts/{kind}/{name}/branches/{branch}/merge", {
            params: { path, query: params.query },
            body,
          }),
        );
      },
      onSuccess,
    }),
    comment: useMutation({
      mutationFn: async (body: { text: string; version: string | null }) =>
        bodyOf(await api.POST("/api/v1/artifacts/{kind}/{name}/comments", { params, body })),
      onSuccess,
    }),
  };
}

export interface MoveLabel {
  label: string;
  version: string;
  reason: string;
  /** Number of the version that it must stand at now; 0: nowhere. */
  expected: number | null;
}
