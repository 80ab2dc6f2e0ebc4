/** A new experiment: as a form, or as the text that `penstock eval run` reads. */

import { Button, Checkbox, SegmentedControl, Skeleton } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem } from "@/api/problem";
import { type Mark, SourceEditor } from "@/components/definition/source-editor";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { lineOf, parseText, toText } from "@/lib/definition-text";
import { useSignedIn } from "@/lib/session";
import { needsProcess } from "../detail/header";
import { useExperiment, useExperimentActs } from "../queries";
import type { ExperimentSpec } from "../types";
import classes from "./create.module.css";
import { ExperimentForm } from "./form";
import { EMPTY_SPEC, missingIn, NEW_SPEC, specToSend } from "./spec";

const route = getRouteApi("/app/experiments");

export function NewExperiment() {
  const { like, dataset } = route.useSearch();
  return like ? <Like id={like} /> : <Editor first={{ ...NEW_SPEC, dataset: dataset ?? "" }} />;
}

function Like({ id }: { id: string }) {
  const { data, error, refetch } = useExperiment(id, false);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the experiment" />;
  return <Editor first={data.spec} />;
}

/** What is written, as a form or as a text, and what of it can be sent. */
function useDraft(first: ExperimentSpec) {
  const [spec, setSpec] = useState(first);
  const [text, setText] = useState<string | null>(null);
  const parsed = text === null ? null : parseText(text);
  const current = parsed?.value ? ({ ...EMPTY_SPEC, ...parsed.value } as ExperimentSpec) : spec;
  const show = (as: string) => {
    if (as === "form") setSpec(current);
    setText(as === "form" ? null : toText(specToSend(spec)));
  };
  return {
    spec,
    text,
    parsed,
    toSend: text === null ? specToSend(current) : current,
    missing: parsed?.problems[0]?.message ?? missingIn(current),
    show,
    setSpec,
    setText,
  };
}

/** The line of a text that the API's answer is about. */
function faultIn(text: string | null, error: Error | null): Mark[] {
  if (text === null || !(error instanceof ApiProblem)) return [];
  const field = error.field?.replace(/^(data\.)?spec\./, "");
  return [{ line: lineOf(text, field), message: error.message }];
}

function Editor({ first }: { first: ExperimentSpec }) {
  const { spec, text, parsed, toSend, missing, show, setSpec, setText } = useDraft(first);
  const [cache, setCache] = useState(true);
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const { create } = useExperimentActs();
  const local = missing === null ? needsProcess({ spec: toSend }) : null;
  const view = (next: string) => {
    show(next);
    create.reset();
  };
  const submit = () =>
    create.mutate(
      { spec: toSend, cache, start: may("gateway:call") },
      {
        onSuccess: (made) =>
          void navigate({ to: "/experiments/$experiment", params: { experiment: made.id }, search: {} }),
      },
    );
  return (
    <form
      className={`card ${classes.page}`}
      aria-label="New experiment"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className={watch.bar}>
        <h2 className={watch.title}>New experiment</h2>
        <span className={watch.push} />
        <SegmentedControl
          size="xs"
          aria-label="Written as"
          data={[
            { value: "form", label: "Form" },
            { value: "yaml", label: "YAML" },
          ]}
          value={text === null ? "form" : "yaml"}
          // A text that cannot be read has no form.
          disabled={parsed !== null && parsed.value === null}
          onChange={view}
        />
      </div>
      {text === null ? (
        <ExperimentForm spec={spec} error={create.error} onChange={(next) => setSpec({ ...spec, ...next })} />
      ) : (
        <SourceEditor
          label="Experiment as YAML"
          text={text}
          onChange={setText}
          marks={[...(parsed?.problems ?? []), ...faultIn(text, create.error)]}
        />
      )}
      {create.error && <Failure error={create.error} />}
      <div className={watch.bar}>
        <Checkbox
          size="xs"
          label="Use answers of earlier experiments again"
          checked={cache}
          onChange={(event) => setCache(event.currentTarget.checked)}
        />
        <span className={watch.push} />
        {missing && <span className="dim">{missing}</span>}
        {local && <span className="warn">{local} runs only with penstock eval run.</span>}
        <Button size="xs" variant="default" onClick={() => void navigate({ to: "/experiments", search: {} })}>
          Cancel
        </Button>
        <Button
          size="xs"
          type="submit"
          leftSection={<Icon name="experiments" size={14} />}
          disabled={missing !== null || local !== null}
          loading={create.isPending}
        >
          {may("gateway:call") ? "Start" : "Save as draft"}
        </Button>
      </div>
    </form>
  );
}
