import { Skeleton } from "@mantine/core";
import { useState } from "react";
import type { FacetValue } from "@/api/types";
import { EstimateNote, formatAbout, worthOf } from "@/components/estimate";
import { formatCompact, formatCount } from "@/lib/format";
import { hasTerm, termOf, toggleTerm } from "@/lib/query-text";
import { FACET_COLUMNS, useFacets } from "./facets";
import type { TracesSearch } from "./search";
import classes from "./traces.module.css";

/** Values of one column that are shown before one asks for more. */
const FEW = 6;

interface FacetPanelProps {
  search: TracesSearch;
  /** Names of keys by id. */
  names: Record<string, string>;
  onChange: (next: TracesSearch) => void;
}

/** What occurs under the filter, with counts. A click adds the value to the text, another takes it away. */
export function FacetPanel({ search, names, onChange }: FacetPanelProps) {
  const { data, isPending, error, countExactly, counting } = useFacets(search, true);
  const sample = data?.sample ?? 1;
  return (
    <aside className={`card ${classes.facets}`} aria-label="Values that occur">
      {isPending && <Skeleton height={240} />}
      {error && !data && <p className="dim">{error.message}</p>}
      <EstimateNote sample={sample} className={classes.estimate} counting={counting} onCount={countExactly} />
      {FACET_COLUMNS.map(({ id, label }) => {
        const found = data?.items.find((facets) => facets.column === id)?.values ?? [];
        const values = found.filter((one) => one.value !== "");
        // A column in which nothing differs tells nothing, unless it is filtered by.
        const any = values.some((one) => one.value !== null);
        return any ? (
          <FacetColumn
            key={id}
            column={id}
            label={label}
            values={values}
            sample={sample}
            names={names}
            text={search.q}
            onToggle={(term) => onChange({ q: toggleTerm(search.q, term) || undefined })}
          />
        ) : null;
      })}
    </aside>
  );
}

interface FacetColumnProps {
  column: string;
  label: string;
  values: readonly FacetValue[];
  /** The share of the spans in which they were counted. */
  sample: number;
  names: Record<string, string>;
  text: string | undefined;
  onToggle: (term: string) => void;
}

function FacetColumn({ column, label, values, sample, names, text, onToggle }: FacetColumnProps) {
  const [all, setAll] = useState(false);
  const most = Math.max(1, ...values.map((one) => one.count));
  const shown = all ? values : values.slice(0, FEW);
  return (
    <section className={classes.facet} aria-label={label}>
      <h3>{label}</h3>
      {shown.map(({ value, name: given, count, margin }) => {
        const name = value === null ? "none" : (given ?? names[value] ?? value);
        const term = termOf(column, value === null ? null : name);
        const active = hasTerm(text, term);
        const worth = worthOf(sample, count, margin);
        return (
          <button
            key={String(value)}
            type="button"
            aria-pressed={active}
            title={worth ? `${name}: ${formatAbout(count)}. ${worth}` : `${name}: ${formatCount(count)}`}
            onClick={() => onToggle(term)}
          >
            <span className={classes.facetBar} style={{ width: `${(count / most) * 100}%` }} />
            <span className={`cut ${value === null ? "faint" : ""}`}>{name}</span>
            <span className={classes.facetCount}>{worth ? formatAbout(count) : formatCompact(count)}</span>
          </button>
        );
      })}
      {values.length > FEW && (
        <button type="button" className={classes.facetMore} onClick={() => setAll(!all)}>
          {all ? "Fewer" : `${values.length - FEW} more`}
        </button>
      )}
    </section>
  );
}
