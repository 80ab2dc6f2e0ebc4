import { Autocomplete, Button, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useState } from "react";
import watch from "@/components/watch.module.css";
import { useArtifacts } from "@/lib/artifacts";
import type { Queue } from "../types";
import type { AddForm } from "./add-panel";

/** Rows of a dataset; where their references are the right answers, as golden items. */
export function FromRows({ form, queue }: { form: AddForm; queue: Queue }) {
  const datasets = useArtifacts("dataset", { sort: "updated" });
  const names = (datasets.data?.pages ?? []).flatMap((page) => page.items.map((one) => one.name));
  const [dataset, setDataset] = useState("");
  const [split, setSplit] = useState("");
  const [limit, setLimit] = useState(1000);
  const [golden, setGolden] = useState("");
  const [name = "", version = "latest"] = dataset.trim().split("@");
  return (
    <form
      className={watch.stack}
      aria-label="Items from a dataset"
      onSubmit={(event) => {
        event.preventDefault();
        const rows = { dataset: name, version, split: split.trim() || null, limit, golden: golden || null };
        form.onAdd({ rows });
      }}
    >
      <div className={watch.fields}>
        <Autocomplete
          size="xs"
          label="Dataset"
          required
          placeholder="name, name@version"
          data={names}
          limit={50}
          value={dataset}
          onChange={setDataset}
        />
        <TextInput
          size="xs"
          label="Split"
          placeholder="all"
          value={split}
          onChange={(event) => setSplit(event.currentTarget.value)}
        />
        <NumberInput
          size="xs"
          label="Items at most"
          min={1}
          max={5_000}
          value={limit}
          onChange={(value) => setLimit(Number(value) || 1)}
        />
        <NativeSelect
          size="xs"
          label="References are"
          data={[
            { value: "", label: "shown to no annotator" },
            ...queue.questions.map((one) => ({ value: one.name, label: `the right answer to ${one.name}` })),
          ]}
          value={golden}
          onChange={(event) => setGolden(event.currentTarget.value)}
        />
      </div>
      <div className={watch.bar}>
        <span className="dim">
          {golden &&
            "These are golden items: everybody is shown them, unmarked among the others, to tell who is right."}
        </span>
        <span className={watch.push} />
        <Button size="xs" type="submit" disabled={name === ""} loading={form.loading}>
          Add to the queue
        </Button>
      </div>
    </form>
  );
}
