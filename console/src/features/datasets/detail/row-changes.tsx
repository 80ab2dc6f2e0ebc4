import { Button } from "@mantine/core";
import { useState } from "react";
import { TextDiff } from "@/features/traces/compare/text-diff";
import { formatCount } from "@/lib/format";
import { useContents } from "../queries";
import type { DatasetRow, RowChange, RowDiff } from "../types";
import classes from "./detail.module.css";
import { toField } from "./texts";

/** Rows whose contents are asked for at once. */
const STEP = 50;

/** Changed rows with what changed in them; added and removed ones as they are. */
export function RowChanges({ dataset, diff }: { dataset: string; diff: RowDiff }) {
  const [steps, setSteps] = useState(1);
  const shown = diff.changes.slice(0, steps * STEP);
  const left = diff.added + diff.removed + diff.changed - shown.length;
  if (shown.length === 0) return <p className={classes.none}>The rows are the same.</p>;
  return (
    <>
      <ul className={classes.changes} aria-label="Rows that differ">
        {Array.from({ length: steps }, (_, step) => (
          <Changes
            // biome-ignore lint/suspicious/noArrayIndexKey: a step is its number.
            key={step}
            dataset={dataset}
            changes={diff.changes.slice(step * STEP, (step + 1) * STEP)}
          />
        ))}
      </ul>
      {left > 0 && shown.length < diff.changes.length && (
        <Button size="xs" variant="default" m={10} onClick={() => setSteps(steps + 1)}>
          Show more of {formatCount(left)}
        </Button>
      )}
    </>
  );
}

function Changes({ dataset, changes }: { dataset: string; changes: readonly RowChange[] }) {
  const digests = changes.flatMap((one) =>
    [one.before, one.after].filter((each) => typeof each === "string"),
  );
  const { data, error } = useContents(dataset, digests);
  return changes.map((one) => (
    <li key={`${one.change} ${one.id}`} data-change={one.change}>
      <span className={classes.change}>{one.change}</span>
      <code>{one.id}</code>
      <div>
        {error && <span className="bad">{error.message}</span>}
        {data && <Body before={one.before && data[one.before]} after={one.after && data[one.after]} />}
      </div>
    </li>
  ));
}

type Row = Partial<DatasetRow> | null | undefined | "";

function Body({ before, after }: { before: Row; after: Row }) {
  const fields = ["input", "reference", "context", "metadata", "group", "split"] as const;
  const differing = fields.filter((field) => textOf(before, field) !== textOf(after, field));
  return differing.map((field) => (
    <div key={field}>
      <h3 className={classes.label}>{field}</h3>
      <TextDiff a={textOf(before, field)} b={textOf(after, field)} />
    </div>
  ));
}

function textOf(row: Row, field: keyof DatasetRow): string {
  return row ? toField(row[field]) : "";
}
