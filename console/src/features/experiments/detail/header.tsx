import { Button, Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { exportUrl } from "@/components/export-menu";
import { explain } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { useSignedIn } from "@/lib/session";
import { useExperimentActs } from "../queries";
import { ExperimentStateMark } from "../state-mark";
import type { Experiment } from "../types";
import { actsOf, sayStart } from "../words";

export function Header({ experiment, onBack }: { experiment: Experiment; onBack: () => void }) {
  const { may } = useSignedIn();
  const navigate = useNavigate();
  return (
    <div className={watch.bar}>
      <Button
        variant="subtle"
        color="gray"
        size="compact-sm"
        leftSection={<Icon name="back" size={14} />}
        onClick={onBack}
      >
        Experiments
      </Button>
      <h2 className={watch.title}>{experiment.name}</h2>
      <ExperimentStateMark state={experiment.state} reason={experiment.reason} />
      <span className={watch.push} />
      {may("experiments:write") && (
        <>
          <Acts experiment={experiment} />
          <Button
            size="compact-sm"
            variant="default"
            onClick={() =>
              void navigate({ to: "/experiments", search: { create: "yes", like: experiment.id } })
            }
          >
            Duplicate
          </Button>
        </>
      )}
      <Files experiment={experiment} />
    </div>
  );
}

function Acts({ experiment }: { experiment: Experiment }) {
  const { may } = useSignedIn();
  const { act } = useExperimentActs();
  const [cancelling, setCancelling] = useState(false);
  const can = actsOf(experiment);
  const local = needsProcess(experiment);
  const why = local
    ? `${local} runs only in a process of yours: penstock eval resume ${experiment.id}`
    : may("gateway:call")
      ? null
      : "An experiment calls models, and your role lacks gateway:call.";
  const run = (name: "start" | "pause" | "cancel") => act.mutate({ id: experiment.id, act: name });
  return (
    <>
      {act.error && (
        <span className="bad" role="alert">
          {explain(act.error).title}
        </span>
      )}
      {can.start && (
        <Button
          size="compact-sm"
          disabled={why !== null}
          title={why ?? undefined}
          loading={act.isPending}
          onClick={() => run("start")}
        >
          {sayStart(experiment)}
        </Button>
      )}
      {can.pause && (
        <Button size="compact-sm" variant="default" loading={act.isPending} onClick={() => run("pause")}>
          Pause
        </Button>
      )}
      {can.cancel && (
        <Button size="compact-sm" variant="default" onClick={() => setCancelling(true)}>
          Cancel
        </Button>
      )}
      {cancelling && (
        <ConfirmDialog
          title={`Cancel ${experiment.name}?`}
          text="Calls under way are finished, and what was answered stays. It cannot be resumed; a duplicate would use its answers again."
          action="Cancel the experiment"
          loading={act.isPending}
          onClose={() => setCancelling(false)}
          onConfirm={() =>
            act.mutate({ id: experiment.id, act: "cancel" }, { onSettled: () => setCancelling(false) })
          }
        />
      )}
    </>
  );
}

/** The first part that the console cannot run. */
export function needsProcess({ spec }: Pick<Experiment, "spec">): string | null {
  const variant = spec.variants.find((one) => one.python);
  if (variant) return `The variant ${variant.name}`;
  const evaluator = (spec.evaluators ?? []).find((one) => typeof one.python === "string");
  return evaluator ? `The evaluator ${String(evaluator.python)}` : null;
}

const REPORTS = [
  ["html", "Report, HTML", "one file to pass on"],
  ["pdf", "Report, PDF", "to print"],
  ["markdown", "Report, Markdown", "for a pull request"],
] as const;
const EXPORTS = [
  ["jsonl", "Answers, JSON lines", "with their rows"],
  ["csv", "Answers, CSV", "for a spreadsheet"],
] as const;

function Files({ experiment }: { experiment: Experiment }) {
  const { project } = useSignedIn();
  const base = `/api/v1/experiments/${experiment.id}`;
  const items = (path: string, list: readonly (readonly [string, string, string])[], save: boolean) =>
    list.map(([format, label, about]) => (
      <Menu.Item
        key={label}
        component="a"
        href={exportUrl(`${base}/${path}`, format, { project: project.id })}
        {...(save ? { download: true } : { target: "_blank" })}
      >
        {label} <span className="faint">{about}</span>
      </Menu.Item>
    ));
  return (
    <Menu position="bottom-end" width={270}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" leftSection={<Icon name="download" size={13} />}>
          Report
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {items("report", REPORTS, false)}
        <Menu.Divider />
        {items("export", EXPORTS, true)}
      </Menu.Dropdown>
    </Menu>
  );
}
