/** Routes and limits through the control API: what is written the same way for both. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import type { Definition, DefinitionAct, Proposal } from "@/api/types";
import { useSignedIn } from "./session";

export type DefinitionKind = "route" | "limit";

/** Which definition is meant: of the project that is shown, or of all projects. */
export interface Place {
  name: string;
  everywhere: boolean;
}

/** On what condition something is written: it has this etag, or it does not exist yet (null). */
export interface Terms {
  etag: string | null;
  comment: string;
}

export interface DefinitionCalls {
  propose: (place: Place, body: Record<string, unknown>, signal?: AbortSignal) => Promise<Proposal>;
  put: (place: Place, body: Record<string, unknown>, terms: Terms) => Promise<Definition>;
  remove: (place: Place, terms: Terms) => Promise<void>;
  history: (place: Place, cursor: string | null, signal?: AbortSignal) => Promise<ActPage>;
}

export interface ActPage {
  items: DefinitionAct[];
  next_cursor: string | null;
}

function params(project: string, { name, everywhere }: Place) {
  return { path: { name }, query: { project, everywhere } };
}

function written(project: string, place: Place, { etag, comment }: Terms) {
  const { path, query } = params(project, place);
  const header = etag === null ? { "if-none-match": "*" } : { "if-match": `"${etag}"` };
  return { path, query: { ...query, comment }, header };
}

function callsOf(kind: DefinitionKind, project: string): DefinitionCalls {
  const one = kind === "route" ? "/api/v1/routes/{name}" : "/api/v1/limits/{name}";
  const diff = kind === "route" ? "/api/v1/routes/{name}/diff" : "/api/v1/limits/{name}/diff";
  const history = kind === "route" ? "/api/v1/routes/{name}/history" : "/api/v1/limits/{name}/history";
  return {
    propose: async (place, body, signal) =>
      bodyOf(await api.POST(diff, { params: params(project, place), body, signal })),
    put: async (place, body, terms) =>
      bodyOf(await api.PUT(one, { params: written(project, place, terms), body })),
    remove: async (place, terms) => {
      await api.DELETE(one, { params: written(project, place, terms) });
    },
    history: async (place, cursor, signal) => {
      const { path, query } = params(project, place);
      const page = cursor === null ? query : { ...query, cursor: Number(cursor) };
      return bodyOf(await api.GET(history, { params: { path, query: page }, signal }));
    },
  };
}

const REFRESH_MS = 15_000;

function oneKey(kind: DefinitionKind, project: string, { name, everywhere }: Place) {
  return [kind, "one", project, name, everywhere] as const;
}

export function useDefinitions(kind: DefinitionKind) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: [kind, "list", project.id],
    queryFn: async ({ signal }): Promise<Definition[]> => {
      const list = kind === "route" ? "/api/v1/routes" : "/api/v1/limits";
      return bodyOf(await api.GET(list, { params: { query: { project: project.id } }, signal })).items;
    },
    refetchInterval: REFRESH_MS,
  });
}

export function useDefinition(kind: DefinitionKind, { name, everywhere }: Place) {
  const { project } = useSignedIn();
  const one = kind === "route" ? "/api/v1/routes/{name}" : "/api/v1/limits/{name}";
  return useQuery({
    queryKey: oneKey(kind, project.id, { name, everywhere }),
    queryFn: async ({ signal }): Promise<Definition> =>
      bodyOf(await api.GET(one, { params: params(project.id, { name, everywhere }), signal })),
    refetchInterval: REFRESH_MS,
  });
}

export function useDefinitionCalls(kind: DefinitionKind): DefinitionCalls {
  const { project } = useSignedIn();
  return callsOf(kind, project.id);
}

/** Writing and deleting; what the page shows follows. */
export function useDefinitionChanges(kind: DefinitionKind) {
  const { project } = useSignedIn();
  const calls = useDefinitionCalls(kind);
  const client = useQueryClient();
  const put = useMutation({
    mutationFn: ({ place, body, terms }: { place: Place; body: Record<string, unknown>; terms: Terms }) =>
      calls.put(place, body, terms),
    onSuccess: (saved, { place }) => {
      // Who deletes it at once, before it is read again, means what was saved.
      client.setQueryData(oneKey(kind, project.id, place), saved);
      return client.invalidateQueries({ queryKey: [kind] });
    },
  });
  const remove = useMutation({
    mutationFn: ({ place, terms }: { place: Place; terms: Terms }) => calls.remove(place, terms),
    onSuccess: async (_, { place }) => {
      client.removeQueries({
        queryKey: [kind, "one"],
        predicate: ({ queryKey }) => queryKey[3] === place.name,
      });
      await client.invalidateQueries({ queryKey: [kind, "list"] });
    },
  });
  return { put, remove };
}

/** `penstock.yaml, line 12`, by the name of the file alone. */
export function placeOf(definition: Definition): string {
  const file = definition.file?.split("/").at(-1) ?? "the configuration file";
  return definition.line === null ? file : `${file}, line ${definition.line}`;
}
