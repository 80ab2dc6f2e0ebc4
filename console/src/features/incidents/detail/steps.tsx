import { Checkbox } from "@mantine/core";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { useIncidentWrites } from "../queries";
import type { Incident } from "../types";

export function Steps({ incident, writer }: { incident: Incident; writer: boolean }) {
  const { tick } = useIncidentWrites();
  const done = incident.steps.filter((step) => step.done).length;
  return (
    <section className="card" aria-label="Run-book steps">
      <div className="card-head">
        Run-book steps
        {incident.steps.length > 0 && (
          <span className="faint">
            {done} of {incident.steps.length}
          </span>
        )}
      </div>
      {incident.steps.length === 0 && (
        <p className={classes.none}>None. A rule can give its incidents steps to tick off.</p>
      )}
      <div className={`${classes.stack} ${classes.pad}`} hidden={incident.steps.length === 0}>
        {incident.steps.map((step, index) => (
          <Checkbox
            // Steps are told apart by their place, in the API too.
            // biome-ignore lint/suspicious/noArrayIndexKey: as said
            key={index}
            size="xs"
            label={step.text}
            description={step.done ? `${formatMinute(step.done)}, ${step.by ?? ""}` : undefined}
            checked={Boolean(step.done)}
            disabled={!writer || tick.isPending}
            onChange={(event) =>
              tick.mutate({ id: incident.id, step: index, done: event.currentTarget.checked })
            }
          />
        ))}
      </div>
      {tick.error && <Failure error={tick.error} />}
    </section>
  );
}
