import { Button, NativeSelect, NumberInput } from "@mantine/core";
import { useState } from "react";
import watch from "@/components/watch.module.css";
import { useExperiments } from "@/features/experiments/queries";
import type { AddForm } from "./add-panel";

/** Answers of an experiment: to judge them, or to hold a judge against people. */
export function FromOutputs({ form }: { form: AddForm }) {
  const list = useExperiments();
  const experiments = list.data?.pages.flatMap((page) => page.items) ?? [];
  const [chosen, setChosen] = useState("");
  const [variant, setVariant] = useState("");
  const [limit, setLimit] = useState(1000);
  const experiment = experiments.find((one) => one.id === chosen) ?? experiments[0];
  if (list.data && !experiment) return <p className="dim">This project has no experiments.</p>;
  return (
    <form
      className={watch.stack}
      aria-label="Items from an experiment"
      onSubmit={(event) => {
        event.preventDefault();
        if (experiment)
          form.onAdd({ outputs: { experiment: experiment.id, variant: variant || null, limit } });
      }}
    >
      <div className={watch.fields}>
        <NativeSelect
          size="xs"
          label="Experiment"
          data={experiments.map((one) => ({ value: one.id, label: one.name }))}
          value={experiment?.id ?? ""}
          onChange={(event) => {
            setChosen(event.currentTarget.value);
            setVariant("");
          }}
        />
        <NativeSelect
          size="xs"
          label="Answers of"
          data={[
            { value: "", label: "all variants" },
            ...(experiment?.spec.variants ?? []).map((one) => ({ value: one.name, label: one.name })),
          ]}
          value={variant}
          onChange={(event) => setVariant(event.currentTarget.value)}
        />
        <NumberInput
          size="xs"
          label="Items at most"
          min={1}
          max={5_000}
          value={limit}
          onChange={(value) => setLimit(Number(value) || 1)}
        />
      </div>
      <div className={watch.bar}>
        <span className="dim">Annotators are not told which variant answered.</span>
        <span className={watch.push} />
        <Button size="xs" type="submit" disabled={!experiment} loading={form.loading}>
          Add to the queue
        </Button>
      </div>
    </form>
  );
}
