/** A new calibration: which version of which judge, against which labels. */

import { Autocomplete, Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { useQueues } from "@/features/annotation/queries";
import { ProgressBar } from "@/features/experiments/state-mark";
import { toAddress, useArtifacts } from "@/lib/artifacts";
import { formatCount, formatMoneyShort } from "@/lib/format";
import classes from "./calibrations.module.css";
import { type RunWanted, useKnownEvaluators, useRun, useStartRun } from "./queries";
import type { CalibrationRun } from "./types";

const route = getRouteApi("/app/calibrations");

interface Draft {
  judge: string;
  from: "queue" | "dataset";
  queue: string | null;
  question: string | null;
  dataset: string;
  label: string;
  answer: string;
}

/** What is sent, or what is missing. */
export function wantedOf(draft: Draft): RunWanted | string {
  const [name = "", version = "latest"] = draft.judge.trim().split("@");
  if (!name) return "Choose a judge.";
  if (draft.from === "queue") {
    if (!draft.queue || !draft.question) return "Choose a queue and a question.";
    return { name, version, queue: { queue: draft.queue, question: draft.question } };
  }
  const [dataset = "", of = "latest"] = draft.dataset.trim().split("@");
  if (!dataset) return "Choose a dataset.";
  return { name, version, dataset: { dataset, version: of, label: draft.label, answer: draft.answer } };
}

export function StartCalibration() {
  const { judge } = route.useSearch();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>({
    judge: judge ?? "",
    from: "queue",
    queue: null,
    question: null,
    dataset: "",
    label: "metadata.label",
    answer: "metadata.answer",
  });
  const start = useStartRun();
  const run = useRun(start.data?.id);
  const wanted = wantedOf(draft);
  const running = start.data !== undefined && run.data?.state !== "done" && run.data?.state !== "failed";
  const change = (next: Partial<Draft>) => setDraft({ ...draft, ...next });
  return (
    <form
      className={`card ${classes.form}`}
      aria-label="Calibrate a judge"
      onSubmit={(event) => {
        event.preventDefault();
        if (typeof wanted !== "string") start.mutate(wanted);
      }}
    >
      <h2 className={watch.title}>Calibrate a judge</h2>
      <JudgeField value={draft.judge} onChange={(next) => change({ judge: next })} />
      <SegmentedControl
        size="xs"
        aria-label="Labels from"
        data={[
          { value: "queue", label: "Labels of a queue" },
          { value: "dataset", label: "Labels in a dataset" },
        ]}
        value={draft.from}
        onChange={(from) => change({ from: from as Draft["from"] })}
      />
      {draft.from === "queue" ? (
        <QueueFields draft={draft} onChange={change} />
      ) : (
        <DatasetFields draft={draft} onChange={change} />
      )}
      <p className="dim">
        The judge is asked about each labelled answer and up to 200 others, which costs what its model costs.
        For verdicts that an experiment recorded, use <code>penstock eval calibrate --experiment</code>.
      </p>
      {start.error && <Failure error={start.error} />}
      {run.data && <Run run={run.data} />}
      <div className={watch.bar}>
        <span className={watch.push} />
        {typeof wanted === "string" && <span className="dim">{wanted}</span>}
        <Button
          size="xs"
          variant="default"
          onClick={() => void navigate({ to: "/calibrations", search: {} })}
        >
          Back
        </Button>
        <Button
          size="xs"
          type="submit"
          leftSection={<Icon name="calibrations" size={14} />}
          disabled={typeof wanted === "string" || running}
          loading={start.isPending}
        >
          Calibrate
        </Button>
      </div>
    </form>
  );
}

interface FieldsProps {
  draft: Draft;
  onChange: (next: Partial<Draft>) => void;
}

function JudgeField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const judges = useKnownEvaluators(true);
  const names = (judges.data?.pages ?? []).flatMap((page) =>
    page.items.flatMap((one) =>
      one.versions
        .filter((version) => version.version !== null && version.judge)
        .map((version) => `${one.name}@${version.version}`),
    ),
  );
  return (
    <Autocomplete
      size="xs"
      label="Judge"
      description="A version of an evaluator of the registry that asks a model."
      required
      placeholder="name@version"
      data={names}
      limit={50}
      value={value}
      onChange={onChange}
    />
  );
}

function QueueFields({ draft, onChange }: FieldsProps) {
  const queues = useQueues();
  const all = queues.data?.pages.flatMap((page) => page.items) ?? [];
  const questions = all.find((one) => one.name === draft.queue)?.questions ?? [];
  return (
    <div className={watch.fields}>
      <Select
        size="xs"
        label="Annotation queue"
        required
        searchable
        placeholder={all.length ? "choose" : "there is none yet"}
        data={all.map((one) => one.name)}
        value={draft.queue}
        onChange={(queue) => onChange({ queue, question: null })}
      />
      <Select
        size="xs"
        label="Question"
        required
        placeholder="choose"
        data={questions.filter((one) => one.type !== "text").map((one) => one.name)}
        value={draft.question}
        onChange={(question) => onChange({ question })}
      />
    </div>
  );
}

function DatasetFields({ draft, onChange }: FieldsProps) {
  const datasets = useArtifacts("dataset", { sort: "updated" });
  const names = datasets.data?.pages.flatMap((page) => page.items.map((one) => one.name)) ?? [];
  return (
    <div className={watch.fields}>
      <Autocomplete
        size="xs"
        label="Dataset"
        required
        placeholder="name, name@version"
        data={names}
        limit={50}
        value={draft.dataset}
        onChange={(dataset) => onChange({ dataset })}
      />
      <TextInput
        size="xs"
        label="Field of the label"
        value={draft.label}
        onChange={(event) => onChange({ label: event.currentTarget.value })}
      />
      <TextInput
        size="xs"
        label="Field of the judged answer"
        value={draft.answer}
        onChange={(event) => onChange({ answer: event.currentTarget.value })}
      />
    </div>
  );
}

function Run({ run }: { run: CalibrationRun }) {
  if (run.state === "failed")
    return (
      <p className="bad" role="alert">
        {run.error} {run.hint}
      </p>
    );
  return (
    <div role="status" className={watch.bar}>
      <ProgressBar done={run.rows - run.unscored} errors={run.unscored} total={run.total ?? 0} />
      <span>
        {formatCount(run.rows)} of {run.total === null ? "…" : formatCount(run.total)} judged
        {run.unscored > 0 && `, ${formatCount(run.unscored)} unscored`}, {formatMoneyShort(run.cost)}
      </span>
      {run.calibration && (
        <Link
          to="/calibrations/$name"
          params={{ name: toAddress(run.name) }}
          search={{ report: run.calibration }}
        >
          Open the report
        </Link>
      )}
    </div>
  );
}
