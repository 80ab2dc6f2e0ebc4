/** Labelling by keyboard: one item, its rubric, and the next one already there. */

import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { ProgressBar } from "@/features/experiments/state-mark";
import { formatCount } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { usePageKeys } from "@/lib/page-keys";
import { useReport } from "../queries";
import classes from "./label.module.css";
import { useWork, type Work } from "./use-work";
import { WorkForm } from "./work-form";

const route = getRouteApi("/app/annotation/$queue/label");
const KEYS: [string[], string][] = [
  [["1", "…", "9"], "Answer the marked question"],
  [["↑", "↓"], "Mark another question"],
  [["←", "→"], "Another answer"],
  [["y", "n"], "Yes, no"],
  [["t"], "Write in a field; Esc leaves it"],
  [["Enter"], "Save, and on to the next item"],
  [["c"], "Comment"],
  [["s"], "Skip, and say why"],
  [["u"], "Back to what was labelled before"],
  [["Esc"], "On again; leave the page"],
];

export function LabelPage() {
  const { queue } = route.useParams();
  return <Desk key={queue} queue={queue} />;
}

function Desk({ queue }: { queue: string }) {
  const navigate = useNavigate();
  const work = useWork(queue);
  const leave = () => void navigate({ to: "/annotation/$queue", params: { queue }, search: {} });
  usePageKeys("Annotating", KEYS);
  useKeys({ u: work.goBack, escape: () => (work.back > 0 ? work.goOn() : leave()) });
  return (
    <div className={classes.page}>
      <Bar queue={queue} work={work} onLeave={leave} />
      <Current queue={queue} work={work} onLeave={leave} />
    </div>
  );
}

function Bar({ queue, work, onLeave }: { queue: string; work: Work; onLeave: () => void }) {
  const { data: report } = useReport(queue);
  const { done, left, back } = work;
  return (
    <div className={watch.bar}>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        leftSection={<Icon name="back" size={14} />}
        onClick={onLeave}
      >
        {report?.queue.name ?? "Queue"}
      </Button>
      <span className={watch.push} />
      {back > 0 && (
        <span className="warn" role="status">
          {back === 1 ? "The item before" : `${back} items before`}: saving changes what you said.
        </span>
      )}
      <span className={classes.progress}>
        <ProgressBar done={done} errors={0} total={done + left} />
        <span className="number" role="status" aria-label="Progress of your items">
          {formatCount(done)} done, {formatCount(left)} left
        </span>
      </span>
    </div>
  );
}

function Current({ queue, work, onLeave }: { queue: string; work: Work; onLeave: () => void }) {
  const { task, error, back } = work;
  if (error) return <Failure error={error} onRetry={work.retry} />;
  if (task === undefined) return <Skeleton height={320} role="status" aria-label="Loading the item" />;
  if (task === null)
    return (
      <div className="card">
        <Empty
          title={back > 0 ? "You have labelled nothing here before." : "Nothing waits for you."}
          icon="annotation"
        >
          <p>
            {back > 0
              ? "Esc leads on."
              : "All items have their labels, or others hold them. What you labelled can be changed: press u."}
          </p>
          <Button size="xs" variant="default" onClick={back > 0 ? work.goOn : onLeave}>
            {back > 0 ? "On" : "To the queue"}
          </Button>
        </Empty>
      </div>
    );
  return <WorkForm key={`${back} ${task.item}`} queue={queue} task={task} work={work} />;
}
