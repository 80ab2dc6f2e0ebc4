/** What an experiment found, in the order of what one asks first: the gate, the figures, the picture, the slices. */

import { Skeleton } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import type { ExperimentSearch } from "../search";
import type { Experiment, Summary } from "../types";
import { isActive } from "../words";
import { Failures } from "./failures";
import { Gate } from "./gate";
import { Metrics } from "./metrics";
import { Pareto } from "./pareto";
import { Slices } from "./slices";

interface ResultsProps {
  experiment: Experiment;
  summary: UseQueryResult<Summary>;
  search: ExperimentSearch;
  /** Leads to the rows behind a figure. */
  onRows: (next: ExperimentSearch) => void;
}

export function Results({ experiment, summary, search, onRows }: ResultsProps) {
  const { data, error } = summary;
  if (!data && error) return <Failure error={error} onRetry={() => void summary.refetch()} />;
  if (!data && summary.isEnabled)
    return <Skeleton height={320} role="status" aria-label="Loading the results" />;
  if (!data)
    return (
      <div className="card">
        <Empty title="No answers yet." icon="experiments">
          <p>
            {isActive(experiment.state)
              ? "The first ones come in a moment; the figures follow them."
              : "Start the experiment to have its rows answered and judged."}
          </p>
        </Empty>
      </div>
    );
  return (
    <div className={watch.page}>
      {Object.entries(data.gates).map(([variant, gate]) => (
        <Gate key={variant} variant={variant} gate={gate} running={isActive(experiment.state)} />
      ))}
      <Metrics summary={data} onRows={onRows} />
      <Failures summary={data} />
      {data.variants.length > 1 && <Pareto summary={data} metric={search.metric} />}
      {data.slices.length > 0 && <Slices summary={data} />}
    </div>
  );
}
