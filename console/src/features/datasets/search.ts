import type { ArtifactListing } from "@/lib/artifacts";
import { one } from "@/lib/search-params";

export interface DatasetsSearch extends ArtifactListing {
  /** What the form makes a dataset from. */
  create?: DatasetSource;
  /** For the form: the filter of the traces to take. */
  traces?: string;
}

export const SOURCES = ["file", "traces", "hand"] as const;
export type DatasetSource = (typeof SOURCES)[number];

export const DATASET_TABS = ["rows", "versions", "splits", "checks"] as const;
export type DatasetTab = (typeof DATASET_TABS)[number];

export interface DatasetSearch {
  tab?: DatasetTab;
  /** Undefined: the newest. */
  version?: string;
  split?: string;
  /** Words that the rows hold. */
  q?: string;
  /** Id of the row that is open. */
  row?: string;
  /** For the versions: which one is compared, and with which. */
  from?: string;
  to?: string;
  /** More rows are brought in from here. */
  add?: DatasetSource;
}

export function validateDatasets(raw: Record<string, unknown>): DatasetsSearch {
  return {
    q: one(raw.q),
    folder: one(raw.folder),
    tag: one(raw.tag),
    label: one(raw.label),
    sort: one(raw.sort) === "updated" ? "updated" : undefined,
    create: SOURCES.find((candidate) => candidate === one(raw.create)),
    traces: one(raw.traces),
    archived: one(raw.archived) === "yes" ? "yes" : undefined,
  };
}

export function validateDataset(raw: Record<string, unknown>): DatasetSearch {
  const tab = DATASET_TABS.find((candidate) => candidate === one(raw.tab));
  return {
    tab: tab === "rows" ? undefined : tab,
    version: one(raw.version),
    split: one(raw.split),
    q: one(raw.q),
    row: one(raw.row),
    from: one(raw.from),
    to: one(raw.to),
    add: SOURCES.find((candidate) => candidate === one(raw.add)),
  };
}
