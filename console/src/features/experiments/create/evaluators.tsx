import { ActionIcon, Button, Menu } from "@mantine/core";
import { Icon } from "@/components/icons";
import classes from "./create.module.css";
import { EVALUATORS } from "./spec";
import { YamlField } from "./yaml-field";

type Body = Record<string, unknown>;

interface EvaluatorsProps {
  evaluators: readonly Body[];
  onChange: (evaluators: Body[]) => void;
}

/** What judges each answer. Cost and latency are measured without. */
export function Evaluators({ evaluators, onChange }: EvaluatorsProps) {
  return (
    <fieldset className={classes.fieldset}>
      <legend>
        Evaluators <span className="faint">cost and latency are measured without one</span>
      </legend>
      {evaluators.map((body, at) => {
        const { type, ...parameters } = body;
        const kind = String(type ?? body.python ?? "");
        const says = EVALUATORS.find((one) => one.type === kind)?.says;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike; the type tells them apart when one goes.
          <div key={`${at} ${kind}`} className={classes.item}>
            <div className={classes.itemHead}>
              <b>{kind}</b> <span className="dim">{says}</span>
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Remove evaluator ${at + 1}`}
                onClick={() => onChange(evaluators.filter((_, index) => index !== at))}
              >
                <Icon name="trash" size={14} />
              </ActionIcon>
            </div>
            <YamlField
              label={`Parameters of evaluator ${at + 1}`}
              placeholder="the usual parameters"
              value={parameters}
              onChange={(next) =>
                onChange(evaluators.map((one, index) => (index === at ? withType(type, next) : one)))
              }
            />
          </div>
        );
      })}
      <Menu position="bottom-start" width={380}>
        <Menu.Target>
          <Button size="compact-xs" variant="subtle" leftSection={<Icon name="plus" size={12} />}>
            Add an evaluator
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
          {EVALUATORS.map(({ type, says, body }) => (
            <Menu.Item key={type} onClick={() => onChange([...evaluators, { type, ...body }])}>
              {type} <span className="faint">{says}</span>
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </fieldset>
  );
}

function withType(type: unknown, parameters: Body): Body {
  return type === undefined ? parameters : { type, ...parameters };
}
