import { Skeleton } from "@mantine/core";
import type { GroupRow } from "@/api/types";
import { Empty } from "@/components/empty";
import { ABOUT, EstimateNote, formatAbout, worthOf } from "@/components/estimate";
import { Failure } from "@/components/failure";
import type { RowColumn } from "@/components/rows/columns";
import { RowsTable } from "@/components/rows/rows-table";
import { useCursor } from "@/components/rows/use-cursor";
import {
  formatCompact,
  formatCount,
  formatDuration,
  formatMoneyRow,
  formatPercent,
  NOTHING,
} from "@/lib/format";
import { termOf, withTerm } from "@/lib/query-text";
import { useGroups } from "./facets";
import { labelOfGroup } from "./group-menu";
import type { TracesSearch } from "./search";
import classes from "./traces.module.css";

interface GroupsProps {
  search: TracesSearch;
  by: readonly string[];
  names: Record<string, string>;
  onChange: (next: TracesSearch) => void;
}

/** Whether a group was counted in a share of the spans. */
function isAbout(sample: number, { margin }: GroupRow): boolean {
  return sample < 1 && margin > 0;
}

/** A latency, which is of a sample wherever anything is. */
function lasted(sample: number, duration: number | null): string {
  return (sample < 1 && duration !== null ? ABOUT : "") + formatDuration(duration);
}

/** The numbers of a group, of which those that were counted in a share of the spans say so. */
function numbersOf(sample: number): readonly RowColumn<GroupRow>[] {
  return [
    {
      id: "calls",
      label: "Calls",
      width: 90,
      numeric: true,
      cell: (row) => (
        <span title={worthOf(sample, row.calls, row.margin)}>
          {isAbout(sample, row) ? formatAbout(row.calls) : formatCount(row.calls)}
        </span>
      ),
    },
    {
      id: "errors",
      label: "Errors",
      width: 90,
      numeric: true,
      cell: (row) => (
        <span
          className={row.errors ? "bad" : "faint"}
          title={row.calls > 0 ? formatPercent(row.errors / row.calls) : undefined}
        >
          {isAbout(sample, row) ? formatAbout(row.errors) : formatCount(row.errors)}
        </span>
      ),
    },
    { id: "p50", label: "p50", width: 80, numeric: true, cell: (row) => lasted(sample, row.p50) },
    { id: "p95", label: "p95", width: 80, numeric: true, cell: (row) => lasted(sample, row.p95) },
    {
      id: "tokens",
      label: "Tokens",
      width: 90,
      numeric: true,
      cell: (row) => (isAbout(sample, row) ? formatAbout(row.tokens) : formatCompact(row.tokens)),
    },
    {
      id: "cost",
      label: "Cost",
      width: 110,
      numeric: true,
      cell: (row) =>
        row.cost === null ? NOTHING : `${isAbout(sample, row) ? ABOUT : ""}${formatMoneyRow(row.cost)}`,
    },
    { id: "rest", label: "", width: 20, cell: () => null },
  ];
}

/** Calls counted by one or two columns, the largest group first. A group opens its calls. */
export function Groups({ search, by, names, onChange }: GroupsProps) {
  const { data, error, isPending, refetch, countExactly, counting } = useGroups(search, by);
  const sample = data?.sample ?? 1;
  const rows = data?.items ?? [];
  const keyOf = (group: GroupRow) => JSON.stringify(group.labels);
  const nameOf = (value: string | null) => (value === null ? null : (names[value] ?? value));
  const open = (group: GroupRow) => {
    const q = by.reduce<string | undefined>(
      (text, column, index) => withTerm(text, termOf(column, nameOf(group.labels[index] ?? null))),
      search.q,
    );
    onChange({ q, group: undefined });
  };
  const cursor = useCursor(rows, keyOf, open, { onEscape: () => onChange({ group: undefined }) });
  if (error && !data) return <Failure error={error} onRetry={() => void refetch()} />;
  if (isPending) return <Skeleton height={300} />;
  const columns: RowColumn<GroupRow>[] = [
    ...by.map((column, index) => ({
      id: column,
      label: labelOfGroup(column),
      width: 220,
      cell: (group: GroupRow) => {
        const name = nameOf(group.labels[index] ?? null);
        return name === null ? <span className="faint">{NOTHING}</span> : <span title={name}>{name}</span>;
      },
    })),
    ...numbersOf(sample),
  ];
  return (
    <div className={classes.list}>
      <EstimateNote sample={sample} counting={counting} onCount={countExactly} />
      <RowsTable
        label="Groups"
        rows={rows}
        columns={columns}
        keyOf={keyOf}
        onOpen={open}
        cursor={cursor.key}
        compactHeight={50}
        compact={(group) => (
          <>
            <b className="cut">{group.labels.map((value) => nameOf(value) ?? NOTHING).join(" · ")}</b>
            <span className={`${classes.compactLine} dim`}>
              <span title={worthOf(sample, group.calls, group.margin)}>
                {isAbout(sample, group) ? formatAbout(group.calls) : formatCompact(group.calls)} calls
              </span>
              <span className={group.errors ? "bad" : undefined}>
                {isAbout(sample, group) ? formatAbout(group.errors) : formatCompact(group.errors)} errors
              </span>
              <span>{lasted(sample, group.p95)}</span>
              <span>
                {group.cost !== null && isAbout(sample, group) && ABOUT}
                {formatMoneyRow(group.cost)}
              </span>
            </span>
          </>
        )}
        empty={<Empty title="No call matches." icon="search" />}
      />
    </div>
  );
}
