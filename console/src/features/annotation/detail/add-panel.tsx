/** Items come into a queue: from recorded calls, rows of a dataset, answers of an experiment. */

import { Button, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { formatCount } from "@/lib/format";
import { useQueueWrites } from "../queries";
import { SOURCES, type Source } from "../search";
import type { AddItems, Queue } from "../types";
import { FromOutputs } from "./from-outputs";
import { FromRows } from "./from-rows";
import { FromTraces } from "./from-traces";

const LABELS: Record<Source, string> = {
  traces: "From traces",
  rows: "From a dataset",
  outputs: "From an experiment",
};

interface AddPanelProps {
  queue: Queue;
  source: Source;
  filter: string | undefined;
  onSource: (source: Source) => void;
  onClose: () => void;
}

/** What the forms of each source get. */
export interface AddForm {
  loading: boolean;
  onAdd: (wanted: Partial<AddItems>) => void;
}

export function AddPanel({ queue, source, filter, onSource, onClose }: AddPanelProps) {
  const { add } = useQueueWrites();
  const [added, setAdded] = useState<number | null>(null);
  const form: AddForm = {
    loading: add.isPending,
    onAdd: (body) => {
      setAdded(null);
      add.mutate({ queue: queue.id, body }, { onSuccess: (found) => setAdded(found.added) });
    },
  };
  return (
    <section className={`card ${watch.stack} ${watch.pad}`} aria-label="Add items">
      <div className={watch.bar}>
        <SegmentedControl
          size="xs"
          aria-label="Where items come from"
          data={SOURCES.map((one) => ({ value: one, label: LABELS[one] }))}
          value={source}
          onChange={(next) => {
            add.reset();
            setAdded(null);
            onSource(next as Source);
          }}
        />
        <span className={watch.push} />
        <Button size="compact-sm" variant="default" onClick={onClose}>
          Close
        </Button>
      </div>
      {source === "traces" && <FromTraces form={form} filter={filter} />}
      {source === "rows" && <FromRows form={form} queue={queue} />}
      {source === "outputs" && <FromOutputs form={form} />}
      {add.error && <Failure error={add.error} />}
      {added !== null && (
        <p className="good" role="status">
          {added === 0
            ? "All of them were in the queue already."
            : `${formatCount(added)} ${added === 1 ? "item" : "items"} added.`}
        </p>
      )}
    </section>
  );
}
