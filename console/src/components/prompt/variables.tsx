import { ActionIcon, Button, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icons";
import {
  type PromptBody,
  type PromptVariable,
  readValue,
  undeclaredIn,
  VARIABLE_TYPES,
  type VariableType,
  writeTyped,
} from "@/lib/prompt-body";
import classes from "./prompt.module.css";

interface PromptVariablesProps {
  body: PromptBody;
  readOnly: boolean;
  onChange: (body: PromptBody) => void;
}

/** What a caller gives: names, types, defaults. Without a default it must be given. */
export function PromptVariables({ body, readOnly, onChange }: PromptVariablesProps) {
  const variables = body.variables ?? {};
  const [added, setAdded] = useState("");
  const set = (next: Record<string, PromptVariable>) => onChange({ ...body, variables: next });
  const missing = readOnly ? [] : undeclaredIn(body).filter((name) => !(name in (body.partials ?? {})));
  const add = (name: string) => {
    if (/^[A-Za-z_]\w*$/.test(name) && !(name in variables)) set({ ...variables, [name]: {} });
    setAdded("");
  };
  return (
    <section className={classes.section} aria-label="Variables">
      <h3>Variables</h3>
      {Object.keys(variables).length > 0 && (
        <table className={classes.variables}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Type</th>
              <th scope="col">Default</th>
              <th scope="col">Only these</th>
              <th scope="col">Description</th>
              <th scope="col" aria-label="Remove" />
            </tr>
          </thead>
          <tbody>
            {Object.entries(variables).map(([name, variable]) => (
              <VariableRow
                key={name}
                name={name}
                variable={variable}
                readOnly={readOnly}
                onChange={(changed) => set({ ...variables, [name]: changed })}
                onRemove={() =>
                  set(Object.fromEntries(Object.entries(variables).filter(([one]) => one !== name)))
                }
              />
            ))}
          </tbody>
        </table>
      )}
      {!readOnly && (
        <div className={classes.row}>
          {missing.map((name) => (
            <Button key={name} size="compact-xs" variant="light" onClick={() => add(name)}>
              Declare {name}
            </Button>
          ))}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              add(added.trim());
            }}
          >
            <TextInput
              size="xs"
              w={180}
              aria-label="Name of a new variable"
              placeholder="Add a variable, Enter"
              value={added}
              onChange={(event) => setAdded(event.currentTarget.value)}
            />
          </form>
        </div>
      )}
    </section>
  );
}

interface VariableRowProps {
  name: string;
  variable: PromptVariable;
  readOnly: boolean;
  onChange: (variable: PromptVariable) => void;
  onRemove: () => void;
}

function VariableRow({ name, variable, readOnly, onChange, onRemove }: VariableRowProps) {
  const { type = "string" } = variable;
  return (
    <tr>
      <td>
        <code>{name}</code>
      </td>
      <td>
        <Select
          size="xs"
          w={96}
          aria-label={`Type of ${name}`}
          data={[...VARIABLE_TYPES]}
          value={type}
          allowDeselect={false}
          disabled={readOnly}
          onChange={(value) => onChange(withType(variable, (value ?? "string") as VariableType))}
        />
      </td>
      <td>
        <DefaultField name={name} variable={variable} readOnly={readOnly} onChange={onChange} />
      </td>
      <td>
        <TextInput
          size="xs"
          aria-label={`Values of ${name}`}
          placeholder="any"
          readOnly={readOnly}
          defaultValue={(variable.enum ?? []).map(writeTyped).join(", ")}
          onBlur={(event) => onChange(withEnum(variable, event.currentTarget.value))}
        />
      </td>
      <td>
        <TextInput
          size="xs"
          aria-label={`Description of ${name}`}
          readOnly={readOnly}
          value={variable.description ?? ""}
          onChange={(event) => onChange(withText(variable, event.currentTarget.value))}
        />
      </td>
      <td>
        {!readOnly && (
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={`Remove ${name}`}
            onClick={onRemove}
          >
            <Icon name="trash" size={13} />
          </ActionIcon>
        )}
      </td>
    </tr>
  );
}

function DefaultField({ name, variable, readOnly, onChange }: Omit<VariableRowProps, "onRemove">) {
  const [text, setText] = useState(writeTyped(variable.default));
  const value = text === "" ? undefined : readValue(text, variable.type);
  return (
    <TextInput
      size="xs"
      aria-label={`Default of ${name}`}
      placeholder="none: it must be given"
      readOnly={readOnly}
      error={text !== "" && value === undefined ? `Not of type ${variable.type}` : undefined}
      value={text}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        const read = next === "" ? undefined : readValue(next, variable.type);
        const { default: _default, ...rest } = variable;
        onChange(read === undefined ? rest : { ...rest, default: read });
      }}
    />
  );
}

/** A default of another type goes with the type. */
function withType(variable: PromptVariable, type: VariableType): PromptVariable {
  const { default: before, enum: _enum, ...rest } = variable;
  const kept = before === undefined ? undefined : readValue(writeTyped(before), type);
  return { ...rest, type, ...(kept === undefined ? {} : { default: kept }) };
}

function withEnum(variable: PromptVariable, text: string): PromptVariable {
  const { enum: _enum, ...rest } = variable;
  const values = text
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean)
    .map((one) => readValue(one, variable.type) ?? one);
  return values.length ? { ...rest, enum: values } : rest;
}

function withText(variable: PromptVariable, text: string): PromptVariable {
  const { description: _description, ...rest } = variable;
  return text ? { ...rest, description: text } : rest;
}
