import { ActionIcon, Button, SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icons";
import { PromptMessages } from "@/components/prompt/messages";
import { ModelInput } from "@/components/prompt/model-input";
import { ParameterFields } from "@/components/prompt/settings";
import { PromptVariables } from "@/components/prompt/variables";
import { YamlField } from "@/components/prompt/yaml-field";
import { useSignedIn } from "@/lib/session";
import { Answer } from "./answer";
import { isStored, type Variant } from "./draft";
import classes from "./playground.module.css";
import { SaveDialog } from "./save-dialog";
import type { Run } from "./use-runs";

type View = "messages" | "variables" | "parameters" | "tools";

interface VariantColumnProps {
  index: number;
  variant: Variant;
  /** Why it cannot be run; null when it can. */
  obstacle: string | null;
  run: Run | undefined;
  /** The first variant's run, which others are compared with. */
  other: Run | undefined;
  onRun: () => void;
  onStop: () => void;
  onChange: (variant: Variant) => void;
  onRemove: (() => void) | undefined;
}

/** One variant: what is asked, and under it what is answered. */
export function VariantColumn(props: VariantColumnProps) {
  const { index, variant, obstacle, run, onChange } = props;
  const { may } = useSignedIn();
  const [view, setView] = useState<View>("messages");
  const [fault, setFault] = useState<string | null>(null);
  const [saving, setSaving] = useState(false);
  const name = `Variant ${index + 1}`;
  const blocked = fault ?? obstacle;
  const setBody = (body: Variant["body"]) => onChange({ ...variant, body });
  return (
    <section className={`card ${classes.variant}`} aria-label={name}>
      <div className={classes.variantHead}>
        <b>{name}</b>
        <Where variant={variant} />
        <span className={classes.push} />
        {may("prompts:write") && (
          <Button
            size="compact-xs"
            variant="default"
            disabled={isStored(variant)}
            onClick={() => setSaving(true)}
          >
            Save
          </Button>
        )}
        {run?.state === "running" ? (
          <Button size="compact-xs" color="red" onClick={props.onStop}>
            Stop
          </Button>
        ) : (
          <Button
            size="compact-xs"
            variant="light"
            disabled={blocked !== null}
            title={blocked ?? undefined}
            onClick={props.onRun}
          >
            Run
          </Button>
        )}
        {props.onRemove && (
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`Remove variant ${index + 1}`}
            onClick={props.onRemove}
          >
            <Icon name="close" size={13} />
          </ActionIcon>
        )}
      </div>
      <div className={classes.ask}>
        <ModelInput
          label="Model or route"
          routes
          value={variant.model}
          onChange={(model) => onChange({ ...variant, model })}
        />
        <SegmentedControl
          size="xs"
          fullWidth
          aria-label={`Parts of variant ${index + 1}`}
          data={[
            { value: "messages", label: "Messages" },
            { value: "variables", label: "Variables" },
            { value: "parameters", label: "Parameters" },
            { value: "tools", label: "Tools" },
          ]}
          value={view}
          onChange={(value) => setView(value as View)}
        />
        {view === "messages" && <PromptMessages body={variant.body} fault={null} onChange={setBody} />}
        {view === "variables" && <PromptVariables body={variant.body} readOnly={false} onChange={setBody} />}
        {view === "parameters" && (
          <ParameterFields
            parameters={variant.body.parameters ?? {}}
            onChange={(parameters) => setBody({ ...variant.body, parameters })}
          />
        )}
        {view === "tools" && <Tools variant={variant} onChange={setBody} onFault={setFault} />}
      </div>
      {blocked && !run && <p className={classes.obstacle}>{blocked}</p>}
      {run && <Answer run={run} other={props.other} />}
      {saving && (
        <SaveDialog
          variant={variant}
          onClose={() => setSaving(false)}
          onSaved={(origin) => onChange({ ...variant, origin, body: origin.body })}
        />
      )}
    </section>
  );
}

function Where({ variant }: { variant: Variant }) {
  const { origin } = variant;
  if (!origin) return <span className="faint">draft</span>;
  return (
    <span className="dim cut" title={origin.name}>
      {origin.name} {origin.version}
      {!isStored(variant) && <span className="warn">, changed</span>}
    </span>
  );
}

interface ToolsProps {
  variant: Variant;
  onChange: (body: Variant["body"]) => void;
  onFault: (fault: string | null) => void;
}

function Tools({ variant, onChange, onFault }: ToolsProps) {
  const { body } = variant;
  return (
    <div className={classes.tools}>
      <span className="dim">
        Functions: a list of <code>name</code>, <code>description</code>, <code>parameters</code>
      </span>
      <YamlField
        label="Tools"
        value={body.tools}
        onFault={onFault}
        onChange={(tools) => onChange({ ...body, tools: (tools as unknown[] | null) ?? [] })}
      />
      <span className="dim">
        Response schema: <code>schema</code> of the answer, under a <code>name</code>
      </span>
      <YamlField
        label="Response schema"
        value={body.response_schema}
        onFault={onFault}
        onChange={(schema) => {
          const { response_schema: _before, ...rest } = body;
          onChange(schema ? { ...rest, response_schema: schema as Record<string, unknown> } : rest);
        }}
      />
    </div>
  );
}
