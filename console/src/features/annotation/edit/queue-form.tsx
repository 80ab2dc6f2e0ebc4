import { Autocomplete, Button, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useArtifacts } from "@/lib/artifacts";
import { useQueueWrites } from "../queries";
import type { Queue } from "../types";
import classes from "./edit.module.css";
import { Questions } from "./questions";
import { type Draft, draftOf, missingIn, toSend } from "./rubric";

interface QueueFormProps {
  /** Null: a new one. */
  queue: Queue | null;
  onDone: (queue: { id: string }) => void;
  onCancel: () => void;
}

/** What is asked of people, and of whom. */
export function QueueForm({ queue, onDone, onCancel }: QueueFormProps) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(queue));
  const { save } = useQueueWrites();
  const missing = missingIn(draft);
  const title = queue ? `Change ${queue.name}` : "New queue";
  const change = (next: Partial<Draft>) => setDraft({ ...draft, ...next });
  return (
    <form
      className={`card ${classes.page}`}
      aria-label={title}
      onSubmit={(event) => {
        event.preventDefault();
        if (missing === null)
          save.mutate({ id: queue?.id ?? null, body: toSend(draft) }, { onSuccess: onDone });
      }}
    >
      <h2 className={watch.title}>{title}</h2>
      <div className={watch.fields}>
        <TextInput
          size="xs"
          label="Name"
          required
          maxLength={100}
          placeholder="tone-of-support"
          value={draft.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          label="Description"
          placeholder="What it is for"
          value={draft.description}
          onChange={(event) => change({ description: event.currentTarget.value })}
        />
      </div>
      <Questions questions={draft.questions} onChange={(questions) => change({ questions })} />
      <TagsInput
        size="xs"
        label="Annotators"
        description="Names or ids of people or keys, who take turns. Without them, whoever may label takes what comes next."
        placeholder={draft.annotators.length ? undefined : "anybody"}
        splitChars={[","]}
        acceptValueOnBlur
        value={draft.annotators}
        onChange={(annotators) => change({ annotators })}
      />
      <Terms draft={draft} onChange={change} />
      {queue && queue.items > 0 && (
        <p className="dim">
          Questions that were answered stay: their guidance can change, and categories can be added. Another
          share holds for items that are added from now on; items that wait go to those who are named now.
        </p>
      )}
      {save.error && <Failure error={save.error} />}
      <div className={watch.bar}>
        <span className={watch.push} />
        {missing && <span className="dim">{missing}</span>}
        <Button size="xs" variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button size="xs" type="submit" disabled={missing !== null} loading={save.isPending}>
          {queue ? "Save" : "Make the queue"}
        </Button>
      </div>
    </form>
  );
}

function Terms({ draft, onChange }: { draft: Draft; onChange: (next: Partial<Draft>) => void }) {
  const found = useArtifacts("evaluator", { sort: "updated" });
  const evaluators = (found.data?.pages ?? []).flatMap((page) => page.items.map((one) => one.name));
  return (
    <div className={watch.fields}>
      <NumberInput
        size="xs"
        label="Labelled by two people"
        description="to measure how far they agree"
        suffix=" %"
        min={0}
        max={100}
        decimalScale={1}
        value={Math.round(draft.doubled * 1000) / 10}
        onChange={(value) => onChange({ doubled: (Number(value) || 0) / 100 })}
      />
      <NumberInput
        size="xs"
        label="An item is kept for"
        description="whoever has taken it"
        suffix=" min"
        min={1}
        max={1440}
        value={Math.round(draft.lease_seconds / 60)}
        onChange={(value) => onChange({ lease_seconds: (Number(value) || 1) * 60 })}
      />
      <Autocomplete
        size="xs"
        label="Calibrates the judge"
        description="an evaluator of the registry"
        placeholder="none"
        data={evaluators}
        limit={50}
        value={draft.evaluator ?? ""}
        onChange={(evaluator) => onChange({ evaluator })}
      />
    </div>
  );
}
