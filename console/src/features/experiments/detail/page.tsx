/** One experiment: how far it is, what it found, its rows, and what it was set up with. */

import { Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useKeys } from "@/lib/keys";
import { Results } from "../compare/results";
import { Rows } from "../compare/rows";
import { useExperiment, useSummary } from "../queries";
import { EXPERIMENT_TABS, type ExperimentSearch, type ExperimentTab } from "../search";
import type { Experiment, ExperimentState } from "../types";
import { type Told, useProgress } from "../use-progress";
import { Header } from "./header";
import { Progress } from "./progress";
import { Setup } from "./setup";

const route = getRouteApi("/app/experiments/$experiment");
const LABELS: Record<ExperimentTab, string> = { results: "Results", rows: "Rows", setup: "Setup" };

export function ExperimentPage() {
  const { experiment: id } = route.useParams();
  const [state, setState] = useState<ExperimentState>();
  const told = useProgress(id, state);
  const { data, error, refetch, dataUpdatedAt } = useExperiment(id, told.live);
  useEffect(() => setState(data?.state), [data?.state]);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div role="status" aria-label="Loading the experiment">
        <Skeleton height={70} mb={12} />
        <Skeleton height={320} />
      </div>
    );
  return <Body key={id} experiment={data} at={dataUpdatedAt} told={told} />;
}

function Body({ experiment, at, told }: { experiment: Experiment; at: number; told: Told }) {
  const search = route.useSearch();
  const { tab = "results" } = search;
  const navigate = useNavigate();
  const summary = useSummary(experiment);
  const change = (next: ExperimentSearch, replace = true) =>
    void navigate({
      to: ".",
      search: (before: object) => ({ ...before, ...next }),
      replace,
    } as never);
  const toList = () => void navigate({ to: "/experiments", search: {} });
  useKeys({ escape: () => (search.row === undefined ? toList() : change({ row: undefined })) });
  return (
    <div className={watch.page}>
      <Header experiment={experiment} onBack={toList} />
      <Progress experiment={experiment} at={at} told={told} />
      <Tabs
        value={tab}
        onChange={(value) => change({ tab: value === "results" ? undefined : (value as ExperimentTab) })}
        keepMounted={false}
      >
        <Tabs.List>
          {EXPERIMENT_TABS.map((id) => (
            <Tabs.Tab key={id} value={id} py={8} fz="sm">
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="results" pt={12}>
          <Results
            experiment={experiment}
            summary={summary}
            search={search}
            onRows={(next) => change({ ...next, tab: "rows" }, false)}
          />
        </Tabs.Panel>
        <Tabs.Panel value="rows" pt={12}>
          <Rows experiment={experiment} summary={summary.data} search={search} onChange={change} />
        </Tabs.Panel>
        <Tabs.Panel value="setup" pt={12}>
          <Setup experiment={experiment} />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}
