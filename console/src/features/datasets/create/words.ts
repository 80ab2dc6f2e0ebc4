import type { DatasetSource } from "../search";

export const SOURCE_WORDS: Record<DatasetSource, { label: string; about: string }> = {
  file: { label: "From a file", about: "JSON lines, CSV, Parquet" },
  traces: { label: "From traces", about: "what was really asked" },
  hand: { label: "By hand", about: "a row at a time" },
};
