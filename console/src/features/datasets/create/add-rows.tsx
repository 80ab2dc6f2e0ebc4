/** Rows come into a dataset: from a file, from traces, by hand. Makes the dataset when it has no name yet. */

import { Button, SegmentedControl, TextInput } from "@mantine/core";
import { useState } from "react";
import watch from "@/components/watch.module.css";
import { ARTIFACT_NAME } from "@/lib/artifacts";
import { type DatasetSource, SOURCES } from "../search";
import { ByHand } from "./by-hand";
import classes from "./create.module.css";
import { FromFile } from "./from-file";
import { FromTraces } from "./from-traces";
import { SOURCE_WORDS } from "./words";

interface AddRowsProps {
  /** Null: a new one. */
  dataset: string | null;
  /** Digest of the newest version; empty: there is none. */
  expected: string;
  source: DatasetSource;
  /** Which traces, in the filter language. */
  filter: string | undefined;
  onSource: (source: DatasetSource) => void;
  onDone: (dataset: string) => void;
  onClose: () => void;
}

/** Where rows go, for the forms of each source. */
export interface Target {
  name: string;
  isNew: boolean;
  /** Why nothing can be saved yet. */
  missing: string | null;
  expected: string;
  onDone: () => void;
}

export function AddRows(props: AddRowsProps) {
  const { dataset, source } = props;
  const [name, setName] = useState(dataset ?? "");
  const bad = name !== "" && !ARTIFACT_NAME.test(name);
  const target: Target = {
    name,
    isNew: dataset === null,
    missing: name === "" ? "Give the dataset a name." : bad ? "The name does not fit." : null,
    expected: props.expected,
    onDone: () => props.onDone(name),
  };
  return (
    <section className={`card ${classes.page}`} aria-label={dataset ? "Add rows" : "New dataset"}>
      <div className={watch.bar}>
        <h2 className={watch.title}>{dataset ? `Add rows to ${dataset}` : "New dataset"}</h2>
        <SegmentedControl
          size="xs"
          aria-label="Where rows come from"
          data={SOURCES.map((one) => ({ value: one, label: SOURCE_WORDS[one].label }))}
          value={source}
          onChange={(next) => props.onSource(next as DatasetSource)}
        />
        <span className={watch.push} />
        <Button size="compact-sm" variant="default" onClick={props.onClose}>
          Close
        </Button>
      </div>
      {dataset === null && (
        <TextInput
          size="xs"
          label="Name"
          required
          placeholder="support/refunds"
          className={classes.name}
          value={name}
          error={bad ? "Small letters, digits, dots, dashes, underscores; slashes make folders." : null}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      )}
      {source === "file" && <FromFile target={target} />}
      {source === "traces" && <FromTraces target={target} filter={props.filter} />}
      {source === "hand" && <ByHand target={target} />}
    </section>
  );
}
