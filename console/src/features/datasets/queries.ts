import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { toAddress } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";
import type { DatasetRow, Import, RowDiff, SplitPage, StoredRow } from "./types";

const PAGE = 200;
const IMPORT_MS = 500;

function at(project: string, dataset: string) {
  return { path: { name: toAddress(dataset) }, query: { project } };
}

/** Rows of a version, page by page, as long as one scrolls. `q`: only those with all of these words. */
export function useRows(
  dataset: string,
  version: string,
  { split, q }: { split: string | undefined; q: string | undefined },
) {
  const { project } = useSignedIn();
  return useInfiniteQuery({
    queryKey: ["dataset", project.id, dataset, "rows", version, split, q],
    queryFn: async ({ pageParam, signal }) => {
      const { path, query } = at(project.id, dataset);
      const params = { path, query: { ...query, version, split, q, cursor: pageParam, limit: PAGE } };
      return bodyOf(await api.GET("/api/v1/datasets/{name}/rows", { params, signal }));
    },
    initialPageParam: 0,
    getNextPageParam: (last) => (last.next_cursor === null ? undefined : Number(last.next_cursor)),
    placeholderData: keepPreviousData,
  });
}

export function useSplits(dataset: string, version: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["dataset", project.id, dataset, "splits", version],
    queryFn: async ({ signal }): Promise<SplitPage> => {
      const { path, query } = at(project.id, dataset);
      const params = { path, query: { ...query, version } };
      return bodyOf(await api.GET("/api/v1/datasets/{name}/splits", { params, signal }));
    },
  });
}

export function useRowDiff(dataset: string, from: string | undefined, to: string) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["dataset", project.id, dataset, "diff", from, to],
    queryFn: async ({ signal }): Promise<RowDiff> => {
      const { path, query } = at(project.id, dataset);
      const params = { path, query: { ...query, from, to, limit: 10_000 } };
      return bodyOf(await api.GET("/api/v1/datasets/{name}/diff", { params, signal }));
    },
  });
}

/** Contents of rows by digest: they never change. */
export function useContents(dataset: string, digests: readonly string[]) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["dataset", project.id, dataset, "contents", digests],
    queryFn: async ({ signal }) => {
      const params = at(project.id, dataset);
      const body = [...digests];
      return bodyOf(await api.POST("/api/v1/datasets/{name}/contents", { params, body, signal })).rows;
    },
    enabled: digests.length > 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** How far an import is; asked until it has ended. */
export function useImport(id: string | null) {
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["dataset-import", project.id, id],
    queryFn: async ({ signal }): Promise<Import> => {
      const params = { path: { id: id ?? "" }, query: { project: project.id } };
      return bodyOf(await api.GET("/api/v1/datasets/imports/{id}", { params, signal }));
    },
    enabled: id !== null,
    refetchInterval: ({ state }) =>
      state.data?.state === "done" || state.data?.state === "failed" ? false : IMPORT_MS,
  });
}

export interface Edit {
  dataset: string;
  put?: (DatasetRow | StoredRow)[];
  remove?: string[];
  message: string;
  /** Digest of the version that was looked at; empty: there is none yet. */
  expected: string | null;
}

/** Terms with nothing but a message and a condition. */
export function termsOf(message: string, expected: string | null, more: { resplit?: boolean } = {}) {
  return { branch: "main", message, expected, uses: [], splits: null, resplit: more.resplit ?? false };
}

/** What every page shows of datasets follows a write. */
export function useChanged() {
  const { project } = useSignedIn();
  const client = useQueryClient();
  return async () => {
    await client.invalidateQueries({ queryKey: ["dataset", project.id] });
    await client.invalidateQueries({ queryKey: ["artifact", project.id, "dataset"] });
  };
}

export function useEditRows() {
  const { project } = useSignedIn();
  const onSuccess = useChanged();
  return useMutation({
    mutationFn: async ({ dataset, put = [], remove = [], message, expected }: Edit) => {
      const body = { put: put.map(toPut), delete: remove, terms: termsOf(message, expected) };
      const params = at(project.id, dataset);
      return bodyOf(await api.PATCH("/api/v1/datasets/{name}/rows", { params, body: body as never }));
    },
    onSuccess,
  });
}

/** A row as it is sent: its digest is of the version it came from. */
function toPut({ digest: _, ...row }: StoredRow | (DatasetRow & { digest?: string })): DatasetRow {
  return row;
}

export function useDivide(dataset: string) {
  const { project } = useSignedIn();
  const onSuccess = useChanged();
  return useMutation({
    mutationFn: async ({ shares, resplit, expected }: DivideTerms) => {
      const body = { shares, salt: null, terms: termsOf("Divide the rows", expected, { resplit }) };
      return bodyOf(
        await api.PUT("/api/v1/datasets/{name}/splits", { params: at(project.id, dataset), body }),
      );
    },
    onSuccess,
  });
}

export interface DivideTerms {
  shares: Record<string, number>;
  /** Rows may go from one split into another. */
  resplit: boolean;
  expected: string | null;
}
