import { ActionIcon, Button, Menu } from "@mantine/core";
import { ApiProblem } from "@/api/problem";
import { Icon } from "@/components/icons";
import { useEvaluatorTypes, useKnownEvaluators } from "@/features/calibrations/queries";
import { JudgeStateMark } from "@/features/calibrations/state-mark";
import type { EvaluatorType, KnownEvaluator } from "@/features/calibrations/types";
import classes from "./create.module.css";
import { Parameters } from "./parameters";
import { newEvaluator } from "./spec";

type Body = Record<string, unknown>;

interface EvaluatorsProps {
  evaluators: readonly Body[];
  models: readonly string[];
  /** What the API said of the experiment. */
  error: Error | null;
  onChange: (evaluators: Body[]) => void;
}

/** What judges each answer. Cost and latency are measured without. */
export function Evaluators({ evaluators, models, error, onChange }: EvaluatorsProps) {
  const types = useEvaluatorTypes();
  const known = useKnownEvaluators();
  const registered = known.data?.pages.flatMap((page) => page.items).filter((one) => one.registered) ?? [];
  return (
    <fieldset className={classes.fieldset}>
      <legend>
        Evaluators <span className="faint">cost and latency are measured without one</span>
      </legend>
      {evaluators.map((body, at) => {
        const kind = String(body.type ?? body.ref ?? body.python ?? "");
        const type = types.data?.find((one) => one.type === body.type);
        const fault = faultOf(error, at);
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike; the type tells them apart when one goes.
          <div key={`${at} ${kind}`} className={classes.item} role="group" aria-label={`Evaluator ${at + 1}`}>
            <div className={classes.itemHead}>
              <b>{kind}</b> <span className="dim">{type?.description}</span>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Remove evaluator ${at + 1}`}
                onClick={() => onChange(evaluators.filter((_, index) => index !== at))}
              >
                <Icon name="trash" size={14} />
              </ActionIcon>
            </div>
            <Standing body={body} type={type} registered={registered} />
            {type && (
              <Parameters
                type={type}
                body={body}
                models={models}
                fault={fault}
                onChange={(next) => onChange(evaluators.map((one, index) => (index === at ? next : one)))}
              />
            )}
            {fault?.field === "" && (
              <p className={`bad ${classes.fault}`} role="alert">
                {fault.message}
              </p>
            )}
          </div>
        );
      })}
      <Adder
        types={types.data ?? []}
        registered={registered}
        onAdd={(body) => onChange([...evaluators, body])}
      />
    </fieldset>
  );
}

export interface Fault {
  /** The parameter; empty: the evaluator as a whole. */
  field: string;
  message: string;
}

/** What of an answer of the API is about this evaluator. */
export function faultOf(error: Error | null, at: number): Fault | null {
  if (!(error instanceof ApiProblem)) return null;
  const found = /(?:^|\.)evaluators\[(\d+)\]\.?([^.[]*)/.exec(error.field ?? "");
  if (!found || Number(found[1]) !== at) return null;
  return { field: found[2] ?? "", message: [error.message, error.hint].filter(Boolean).join(" ") };
}

interface StandingProps {
  body: Body;
  type: EvaluatorType | undefined;
  registered: readonly KnownEvaluator[];
}

/** Whether a judge may gate. */
function Standing({ body, type, registered }: StandingProps) {
  if (typeof body.ref === "string") {
    const [name, version] = body.ref.split("@");
    const found = registered.find((one) => one.name === name)?.versions;
    const one =
      found?.find((each) => String(each.version) === version || each.labels.includes(version ?? "")) ??
      found?.[0];
    if (!one?.judge) return null;
    return (
      <div className={classes.standing}>
        {one.metrics.map((metric) => (
          <span key={metric.metric}>
            <JudgeStateMark state={metric.state} reason={metric.reason} />{" "}
            <span className="dim">
              {metric.metric} {metric.state === "calibrated" ? "may gate" : "may show, not gate"}
            </span>
          </span>
        ))}
      </div>
    );
  }
  if (!type?.judge) return null;
  return <span className="dim">A judge: it may show, and gates once this definition is calibrated.</span>;
}

interface AdderProps {
  types: readonly EvaluatorType[];
  registered: readonly KnownEvaluator[];
  onAdd: (body: Body) => void;
}

const GROUPS: Record<EvaluatorType["group"], string> = {
  text: "Text",
  structure: "Structure",
  similarity: "Similarity",
  measure: "Measured",
  agent: "Agents and retrieval",
  judge: "Judges",
  library: "Other libraries",
};

function Adder({ types, registered, onAdd }: AdderProps) {
  const groups = [...new Set(types.map((one) => one.group))];
  return (
    <Menu position="bottom-start" width={420}>
      <Menu.Target>
        <Button size="compact-xs" variant="subtle" leftSection={<Icon name="plus" size={12} />}>
          Add an evaluator
        </Button>
      </Menu.Target>
      <Menu.Dropdown mah={380} style={{ overflowY: "auto" }}>
        {registered.length > 0 && <Menu.Label>Of the registry</Menu.Label>}
        {registered.map((one) => (
          <Menu.Item key={one.name} onClick={() => onAdd({ ref: `${one.name}@latest` })}>
            {one.name} <span className="faint">{one.description}</span>
          </Menu.Item>
        ))}
        {groups.map((group) => [
          <Menu.Label key={group}>{GROUPS[group]}</Menu.Label>,
          ...types
            .filter((one) => one.group === group)
            .map((one) => (
              <Menu.Item
                key={one.type}
                disabled={!one.installed}
                title={one.installed ? undefined : `It needs penstock[${one.extra}].`}
                onClick={() => onAdd(newEvaluator(one))}
              >
                {one.title}{" "}
                <span className="faint">
                  {one.installed ? one.description : `needs penstock[${one.extra}]`}
                </span>
              </Menu.Item>
            )),
        ])}
      </Menu.Dropdown>
    </Menu>
  );
}
