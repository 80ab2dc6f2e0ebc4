/** The rows of a version: by split, filtered by words, one of them open beside. */

import { NativeSelect, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState } from "react";
import type { Artifact } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import type { RowColumn } from "@/components/rows/columns";
import rowClasses from "@/components/rows/rows.module.css";
import { RowsTable } from "@/components/rows/rows-table";
import { useVersions } from "@/lib/artifacts";
import { formatCount } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useRows, useSplits } from "../queries";
import type { DatasetSearch } from "../search";
import type { StoredRow } from "../types";
import classes from "./detail.module.css";
import { RowPanel } from "./row-panel";
import { oneLine } from "./texts";

interface RowsProps {
  dataset: Artifact;
  search: DatasetSearch;
  onChange: (next: DatasetSearch) => void;
}

const keyOf = (row: StoredRow) => row.id;
/** How long one has stopped typing when rows are searched. */
const SETTLED_MS = 200;
const NO_ROWS: StoredRow[] = [];

export function Rows({ dataset, search, onChange }: RowsProps) {
  const version = search.version ?? "latest";
  const [words, setWords] = useState(search.q ?? "");
  const [settled] = useDebouncedValue(words.trim(), SETTLED_MS);
  const wanted = settled || undefined;
  const list = useRows(dataset.name, version, { split: search.split, q: wanted });
  const rows = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? NO_ROWS, [list.data]);
  const address = useRef({ q: search.q, onChange });
  address.current = { q: search.q, onChange };
  useEffect(() => {
    if (address.current.q !== wanted) address.current.onChange({ q: wanted });
  }, [wanted]);
  const open = rows.find((row) => row.id === search.row);
  const at = rows.findIndex((row) => row.id === search.row);
  const move = (step: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) onChange({ row: next.id });
  };
  useKeys({ j: () => move(1), k: () => move(-1), arrowdown: () => move(1), arrowup: () => move(-1) });
  if (dataset.head === null)
    return (
      <div className="card">
        <Empty title="No version yet." icon="datasets">
          <p>Add rows to make the first one.</p>
        </Empty>
      </div>
    );
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />;
  const head = list.data?.pages[0];
  return (
    <div className={classes.rowsPage} data-open={open !== undefined || undefined}>
      <div className={classes.rowsList}>
        <div className={classes.controls}>
          <VersionPicker dataset={dataset} search={search} onChange={onChange} />
          <SplitPicker dataset={dataset} version={version} search={search} onChange={onChange} />
          <Words value={words} onChange={setWords} />
          {head && (
            <span className="dim number">
              {wanted
                ? `${formatCount(rows.length)}${list.hasNextPage ? " so far" : ""} with these words, of `
                : ""}
              {formatCount(head.rows)} rows
            </span>
          )}
        </div>
        <RowsTable
          label="Rows"
          rows={rows}
          columns={open ? COLUMNS.slice(0, 2) : COLUMNS}
          keyOf={keyOf}
          onOpen={(row) => onChange({ row: row.id })}
          loading={list.isPending}
          cursor={search.row ?? null}
          more={{
            has: list.hasNextPage,
            loading: list.isFetchingNextPage,
            error: list.isFetchNextPageError ? list.error : null,
            load: () => void list.fetchNextPage(),
            words: { loading: wanted ? "Searching more rows…" : "Loading more rows…", end: "No more rows." },
          }}
          compactHeight={52}
          compact={(row) => <Compact row={row} />}
          empty={<Empty title={wanted ? "No row has these words." : "No rows here."} icon="datasets" />}
        />
      </div>
      {open && (
        <RowPanel
          key={`${open.id} ${open.digest}`}
          dataset={dataset}
          row={open}
          newest={search.version === undefined || search.version === String(dataset.head)}
          onClose={() => onChange({ row: undefined })}
        />
      )}
    </div>
  );
}

const COLUMNS: readonly RowColumn<StoredRow>[] = [
  { id: "id", label: "Row", width: 120, cell: (row) => <span title={row.id}>{row.id}</span> },
  { id: "input", label: "Input", width: 320, cell: (row) => text(row.input) },
  { id: "reference", label: "Reference", width: 240, cell: (row) => text(row.reference) },
  { id: "split", label: "Split", width: 80, cell: (row) => <span className="dim">{row.split}</span> },
  { id: "group", label: "Group", width: 110, cell: (row) => <span className="dim">{row.group}</span> },
  {
    id: "metadata",
    label: "Metadata",
    width: 180,
    cell: (row) => <span className="dim">{oneLine(row.metadata)}</span>,
  },
];

function text(value: unknown) {
  const line = oneLine(value);
  return <span title={line}>{line}</span>;
}

function Compact({ row }: { row: StoredRow }) {
  return (
    <>
      <span className={rowClasses.compactLine}>
        <span className="cut">{oneLine(row.input)}</span>
        <span className={rowClasses.compactPush} />
        <span className="dim">{row.split}</span>
      </span>
      <span className={`${rowClasses.compactLine} dim`}>
        <span className="cut">{oneLine(row.reference)}</span>
      </span>
    </>
  );
}

function Words({ value, onChange }: { value: string; onChange: (words: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => input.current?.focus() });
  return (
    <TextInput
      ref={input}
      size="xs"
      aria-label="Filter rows"
      placeholder="Words of a row   /"
      leftSection={<Icon name="search" size={13} />}
      className={classes.words}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** Which version is looked at: the newest, or one by its number or label. */
function VersionPicker({ dataset, search, onChange }: RowsProps) {
  const list = useVersions({ kind: "dataset", name: dataset.name });
  const numbers = list.data?.pages.flatMap((page) => page.items) ?? [];
  const labels = dataset.labels.filter((label) => label.name !== "latest");
  const chosen = search.version;
  const known = new Set([...numbers.map((one) => String(one.number)), ...labels.map((one) => one.name)]);
  return (
    <NativeSelect
      size="xs"
      aria-label="Version"
      data={[
        { value: "", label: `newest (${dataset.head})` },
        ...labels.map((label) => ({ value: label.name, label: `${label.name} (${label.version})` })),
        ...numbers.map((one) => ({ value: String(one.number), label: `version ${one.number}` })),
        ...(chosen && !known.has(chosen) ? [{ value: chosen, label: chosen }] : []),
      ]}
      value={chosen ?? ""}
      onChange={(event) =>
        onChange({ version: event.currentTarget.value || undefined, row: undefined, split: undefined })
      }
    />
  );
}

function SplitPicker({ dataset, version, search, onChange }: RowsProps & { version: string }) {
  const { data } = useSplits(dataset.name, version);
  const named = data?.items.filter((one) => one.split !== null) ?? [];
  if (named.length === 0) return null;
  return (
    <SegmentedControl
      size="xs"
      aria-label="Split"
      data={[
        { value: "", label: "all" },
        ...named.map((one) => ({ value: one.split ?? "", label: `${one.split} ${formatCount(one.rows)}` })),
      ]}
      value={search.split ?? ""}
      onChange={(split) => onChange({ split: split || undefined, row: undefined })}
    />
  );
}
