/** Versions of a dataset, and what differs between two of them, row by row. */

import { Select, Skeleton } from "@mantine/core";
import type { Artifact } from "@/api/types";
import { VersionTab } from "@/components/artifact/version-tab";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useVersions } from "@/lib/artifacts";
import { formatCount } from "@/lib/format";
import { useRowDiff } from "../queries";
import type { DatasetSearch } from "../search";
import classes from "./detail.module.css";
import { RowChanges } from "./row-changes";

interface VersionsProps {
  dataset: Artifact;
  search: DatasetSearch;
  onChange: (next: DatasetSearch) => void;
}

export function DatasetVersions({ dataset, search, onChange }: VersionsProps) {
  const place = { kind: "dataset" as const, name: dataset.name };
  return (
    <div className={watch.page}>
      {search.to !== undefined && <Diff dataset={dataset} search={search} onChange={onChange} />}
      <VersionTab
        place={place}
        artifact={dataset}
        onOpen={(version) => onChange({ tab: undefined, version: String(version), row: undefined })}
        onCompare={(from, to) => onChange({ tab: "versions", from: String(from), to: String(to) })}
      />
    </div>
  );
}

function Diff({ dataset, search, onChange }: VersionsProps) {
  const { from, to = "latest" } = search;
  const { data, error, refetch } = useRowDiff(dataset.name, from, to);
  const versions = useVersions({ kind: "dataset", name: dataset.name });
  const numbers = versions.data?.pages.flatMap((page) => page.items.map((one) => String(one.number))) ?? [];
  const choices = [
    ...new Set([...numbers, ...dataset.labels.map((one) => one.name), to, ...(from ? [from] : [])]),
  ];
  return (
    <section className="card" aria-label="What differs">
      <div className="card-head">
        <Select
          size="xs"
          w={120}
          aria-label="Before"
          placeholder="the one before"
          searchable
          data={choices}
          value={from ?? null}
          onChange={(value) => onChange({ from: value ?? undefined, to })}
        />
        <span className="dim">→</span>
        <Select
          size="xs"
          w={120}
          aria-label="After"
          searchable
          data={choices}
          value={to}
          onChange={(value) => onChange({ from, to: value ?? undefined })}
        />
        {data && (
          <span className={classes.counts}>
            <span className="good">{formatCount(data.added)} added</span>
            <span className="bad">{formatCount(data.removed)} removed</span>
            <span>{formatCount(data.changed)} changed</span>
            {data.splits_changed && <span className="warn">divided anew</span>}
          </span>
        )}
      </div>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={120} m={12} role="status" aria-label="Comparing" />}
      {data && <RowChanges dataset={dataset.name} diff={data} />}
    </section>
  );
}
