import { NumberInput, TagsInput, TextInput } from "@mantine/core";
import type { PromptBody } from "@/lib/prompt-body";
import { ModelInput } from "./model-input";
import classes from "./prompt.module.css";
import { YamlField } from "./yaml-field";

interface PromptSettingsProps {
  body: PromptBody;
  readOnly: boolean;
  onChange: (body: PromptBody) => void;
  /** What cannot be read of a field; null when it can. */
  onFault: (field: string, message: string | null) => void;
}

/** Everything but the messages and their variables. */
export function PromptSettings({ body, readOnly, onChange, onFault }: PromptSettingsProps) {
  const set = (name: keyof PromptBody, value: unknown) => onChange({ ...body, [name]: value ?? undefined });
  const tools = body.tools?.length ?? 0;
  const partials = Object.keys(body.partials ?? {}).length;
  return (
    <>
      <section className={classes.section} aria-label="Parameters">
        <h3>Parameters</h3>
        <ParameterFields
          parameters={body.parameters ?? {}}
          readOnly={readOnly}
          onChange={(parameters) => set("parameters", parameters)}
        />
        <div style={{ marginTop: 8, maxWidth: 320 }}>
          <ModelInput
            label="Written for"
            description="A hint for people, and what the cost is estimated for."
            value={body.model ?? ""}
            readOnly={readOnly}
            onChange={(model) => set("model", model || undefined)}
          />
        </div>
      </section>
      <details className={classes.section} open={partials > 0}>
        <summary>
          Partials <span className="faint">{partials || "none"}</span>
        </summary>
        <p className="dim" style={{ margin: "0 0 6px" }}>
          Text prompts that a template includes by a name, pinned to a version:{" "}
          <code>tone: house/tone@3</code>, then <code>{'{% include "tone" %}'}</code>.
        </p>
        <YamlField
          label="Partials"
          value={body.partials}
          readOnly={readOnly}
          onChange={(value) => set("partials", value)}
          onFault={(message) => onFault("partials", message)}
        />
      </details>
      <details className={classes.section} open={tools > 0}>
        <summary>
          Tools <span className="faint">{tools || "none"}</span>
        </summary>
        <p className="dim" style={{ margin: "0 0 6px" }}>
          A list of functions: <code>name</code>, <code>description</code>, <code>parameters</code> as a JSON
          Schema.
        </p>
        <YamlField
          label="Tools"
          value={body.tools}
          readOnly={readOnly}
          onChange={(value) => set("tools", value)}
          onFault={(message) => onFault("tools", message)}
        />
      </details>
      <details className={classes.section} open={body.response_schema !== undefined}>
        <summary>
          Response schema <span className="faint">{body.response_schema ? "JSON" : "none"}</span>
        </summary>
        <p className="dim" style={{ margin: "0 0 6px" }}>
          The answer is JSON of this <code>schema</code>, under a <code>name</code>.
        </p>
        <YamlField
          label="Response schema"
          value={body.response_schema}
          readOnly={readOnly}
          onChange={(value) => set("response_schema", value)}
          onFault={(message) => onFault("response_schema", message)}
        />
      </details>
    </>
  );
}

interface ParameterFieldsProps {
  parameters: Record<string, unknown>;
  readOnly?: boolean;
  onChange: (parameters: Record<string, unknown>) => void;
}

const NUMBERS = [
  { name: "temperature", label: "Temperature", step: 0.1, decimals: true },
  { name: "top_p", label: "Top p", step: 0.05, decimals: true },
  { name: "max_output_tokens", label: "Max output tokens", step: 100, decimals: false },
  { name: "seed", label: "Seed", step: 1, decimals: false },
] as const;

export function ParameterFields({ parameters, readOnly = false, onChange }: ParameterFieldsProps) {
  const set = (name: string, value: unknown) => {
    const { [name]: _before, ...rest } = parameters;
    onChange(value === undefined ? rest : { ...rest, [name]: value });
  };
  const stop = parameters.stop;
  return (
    <div className={classes.fields}>
      {NUMBERS.map(({ name, label, step, decimals }) => (
        <NumberInput
          key={name}
          size="xs"
          label={label}
          placeholder="as called"
          min={0}
          step={step}
          allowDecimal={decimals}
          readOnly={readOnly}
          value={typeof parameters[name] === "number" ? parameters[name] : ""}
          onChange={(value) => set(name, typeof value === "number" ? value : undefined)}
        />
      ))}
      {readOnly ? (
        <TextInput size="xs" label="Stop" readOnly value={Array.isArray(stop) ? stop.join(", ") : ""} />
      ) : (
        <TagsInput
          size="xs"
          label="Stop"
          value={Array.isArray(stop) ? stop.map(String) : []}
          onChange={(values) => set("stop", values.length ? values : undefined)}
        />
      )}
    </div>
  );
}
