import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Fact, Facts } from "@/components/facts";
import { explain } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { formatCount, formatPercent, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "../annotation.module.css";
import { Progress } from "../columns";
import { useQueueWrites } from "../queries";
import type { QueueSearch } from "../search";
import type { Queue, QueueReport } from "../types";

interface HeaderProps {
  report: QueueReport;
  onBack: () => void;
  onChange: (next: QueueSearch) => void;
}

export function Header({ report, onBack, onChange }: HeaderProps) {
  const { queue } = report;
  const { may, project } = useSignedIn();
  const navigate = useNavigate();
  return (
    <>
      <div className={watch.bar}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<Icon name="back" size={14} />}
          onClick={onBack}
        >
          Annotation
        </Button>
        <h2 className={watch.title}>{queue.name}</h2>
        <span className={watch.push} />
        {may("annotation:label") && (
          <Button
            size="compact-sm"
            leftSection={<Icon name="annotation" size={14} />}
            onClick={() => void navigate({ to: "/annotation/$queue/label", params: { queue: queue.id } })}
          >
            Annotate
          </Button>
        )}
        {may("annotation:write") && (
          <>
            <Button size="compact-sm" variant="default" onClick={() => onChange({ add: "traces" })}>
              Add items
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => onChange({ edit: "yes" })}>
              Edit
            </Button>
          </>
        )}
        <Button
          size="compact-sm"
          variant="default"
          component="a"
          download
          href={`/api/v1/annotation/${queue.id}/export?project=${project.id}`}
          leftSection={<Icon name="download" size={13} />}
          style={{ color: "inherit" }}
        >
          Export
        </Button>
        {may("annotation:write") && <Delete queue={queue} />}
      </div>
      <section className={`card ${watch.pad}`} aria-label="How far it is">
        {queue.description && <p className={classes.description}>{queue.description}</p>}
        <Facts>
          <Fact label="Done">
            <Progress queue={queue} />
          </Fact>
          <Fact label="Could not be judged">{formatCount(queue.skipped)}</Fact>
          <Fact label="Disagreements">
            <span className={report.disagreements ? "warn" : undefined}>
              {formatCount(report.disagreements)}
            </span>
          </Fact>
          <Fact label="Golden items">{formatCount(report.golden_items)}</Fact>
          <Fact label="By two people">{formatPercent(queue.doubled)}</Fact>
          <Fact label="Annotators">
            <span title={queue.annotators.join(", ")}>
              {queue.annotators.length ? saySome(queue.annotators) : "anybody"}
            </span>
          </Fact>
          <Fact label="Made">{formatTime(queue.created)}</Fact>
        </Facts>
      </section>
    </>
  );
}

function saySome(names: readonly string[]): string {
  return names.length <= 3
    ? names.join(", ")
    : `${names.slice(0, 2).join(", ")} and ${names.length - 2} more`;
}

function Delete({ queue }: { queue: Queue }) {
  const [asking, setAsking] = useState(false);
  const { remove } = useQueueWrites();
  const navigate = useNavigate();
  return (
    <>
      {remove.error && (
        <span className="bad" role="alert">
          {explain(remove.error).title}
        </span>
      )}
      <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
        Delete
      </Button>
      {asking && (
        <ConfirmDialog
          title={`Delete ${queue.name}?`}
          text="Its items and labels go with it. Scores that were made of labels stay on their traces. Export the labels first if somebody may ask for them."
          action="Delete the queue"
          loading={remove.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() =>
            remove.mutate(queue.id, {
              onSuccess: () => void navigate({ to: "/annotation", search: {} }),
              onError: () => setAsking(false),
            })
          }
        />
      )}
    </>
  );
}
