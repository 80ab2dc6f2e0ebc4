import { Autocomplete, Checkbox, NumberInput, TagsInput, TextInput } from "@mantine/core";
import watch from "@/components/watch.module.css";
import type { ExperimentSpec } from "../types";
import classes from "./create.module.css";
import { Evaluators } from "./evaluators";
import { useChoices } from "./use-choices";
import { Variants } from "./variants";

interface FormProps {
  spec: ExperimentSpec;
  /** What the API said of it. */
  error: Error | null;
  onChange: (next: Partial<ExperimentSpec>) => void;
}

export function ExperimentForm({ spec, error, onChange }: FormProps) {
  const choices = useChoices();
  const count = (value: string | number) => (value === "" ? undefined : Number(value));
  return (
    <div className={classes.form}>
      <div className={watch.fields}>
        <TextInput
          size="xs"
          label="Name"
          required
          maxLength={200}
          placeholder="New prompt for refunds"
          value={spec.name}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
        />
        <Autocomplete
          size="xs"
          label="Dataset"
          required
          placeholder="name, name@version"
          data={choices.datasets}
          limit={50}
          value={spec.dataset}
          onChange={(dataset) => onChange({ dataset })}
        />
        <NumberInput
          size="xs"
          label="First rows only"
          placeholder="all rows"
          min={1}
          value={spec.limit ?? ""}
          onChange={(value) => onChange({ limit: count(value) ?? null })}
        />
        <NumberInput
          size="xs"
          label="Repetitions of each row"
          min={1}
          max={100}
          value={spec.repetitions ?? 1}
          onChange={(value) => onChange({ repetitions: count(value) ?? 1 })}
        />
      </div>
      <Variants variants={spec.variants} choices={choices} onChange={(variants) => onChange({ variants })} />
      <Evaluators
        evaluators={(spec.evaluators ?? []) as Record<string, unknown>[]}
        models={choices.models}
        error={error}
        onChange={(evaluators) => onChange({ evaluators })}
      />
      <TagsInput
        size="xs"
        label="Gate"
        description="Rules that must all hold; the answer is pass, fail, or cannot tell. Enter adds one."
        placeholder={spec.gate?.length ? undefined : "exact >= baseline - 1pt"}
        splitChars={[]}
        acceptValueOnBlur
        value={spec.gate ?? []}
        onChange={(gate) => onChange({ gate })}
      />
      <div className={watch.fields}>
        <TagsInput
          size="xs"
          label="Slices"
          placeholder={spec.slices?.length ? undefined : "fields of metadata"}
          acceptValueOnBlur
          value={spec.slices ?? []}
          onChange={(slices) => onChange({ slices })}
        />
        <NumberInput
          size="xs"
          label="Calls under way at most"
          min={1}
          max={1000}
          value={spec.concurrency ?? 64}
          onChange={(value) => onChange({ concurrency: count(value) ?? 64 })}
        />
        <NumberInput
          size="xs"
          label="Costs at most"
          prefix="$"
          placeholder="no limit"
          min={0}
          decimalScale={6}
          value={spec.max_cost ?? ""}
          onChange={(value) => onChange({ max_cost: value === "" ? null : String(value) })}
        />
      </div>
      <Checkbox
        size="xs"
        label="Stop as soon as the gate is decided"
        description="By intervals that hold however often one looks."
        disabled={!spec.gate?.length}
        checked={spec.stop_when_clear ?? false}
        onChange={(event) => onChange({ stop_when_clear: event.currentTarget.checked })}
      />
    </div>
  );
}
