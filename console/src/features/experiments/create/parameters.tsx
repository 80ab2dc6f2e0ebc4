/** Parameters of an evaluator, as fields made of their schemas. */

import {
  Autocomplete,
  Button,
  Checkbox,
  MultiSelect,
  NumberInput,
  Select,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import watch from "@/components/watch.module.css";
import type { EvaluatorParameter, EvaluatorType } from "@/features/calibrations/types";
import classes from "./create.module.css";
import type { Fault } from "./evaluators";
import { YamlField } from "./yaml-field";

type Body = Record<string, unknown>;
type Schema = Record<string, unknown>;

interface ParametersProps {
  type: EvaluatorType;
  body: Body;
  models: readonly string[];
  fault: Fault | null;
  onChange: (body: Body) => void;
}

export function Parameters({ type, body, models, fault, onChange }: ParametersProps) {
  const [all, setAll] = useState(false);
  const given = type.parameters.filter(
    (one) => one.required || one.name in body || one.name === fault?.field,
  );
  const [first] = useState(() => new Set(given.map((one) => one.name)));
  const shown = type.parameters.filter((one) => all || first.has(one.name) || one.name === fault?.field);
  const set = (name: string, value: unknown) => {
    const { [name]: _, ...rest } = body;
    onChange(value === undefined ? rest : { ...rest, [name]: value });
  };
  return (
    <>
      {shown.length > 0 && (
        <div className={watch.fields}>
          {shown.map((one) => (
            <ParameterField
              key={one.name}
              parameter={one}
              value={body[one.name]}
              models={models}
              error={one.name === fault?.field ? fault.message : null}
              onChange={(value) => set(one.name, value)}
            />
          ))}
        </div>
      )}
      {(all || shown.length < type.parameters.length) && (
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          className={classes.more}
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? "Fewer parameters" : `${type.parameters.length - shown.length} more parameters`}
        </Button>
      )}
    </>
  );
}

/** The schema without “or null”. */
export function withoutNull(schema: Schema): Schema {
  const some = (schema.anyOf as Schema[] | undefined)?.filter((one) => one.type !== "null");
  return some?.length === 1 ? (some[0] as Schema) : schema;
}

interface FieldProps {
  parameter: EvaluatorParameter;
  value: unknown;
  models: readonly string[];
  error: string | null;
  /** Undefined: what holds without it. */
  onChange: (value: unknown) => void;
}

function ParameterField(props: FieldProps) {
  const schema = withoutNull(props.parameter.schema as Schema);
  const items = schema.items as Schema | undefined;
  if (schema.enum) return <ChoiceField {...props} options={schema.enum as (string | number)[]} />;
  if (schema.type === "boolean") return <FlagField {...props} />;
  if (schema.type === "number" || schema.type === "integer")
    return <NumberField {...props} whole={schema.type === "integer"} />;
  if (schema.type === "string") return <TextField {...props} />;
  if (schema.type === "array" && (items?.enum || items?.type === "string"))
    return <ListField {...props} options={items.enum as string[] | undefined} />;
  return <YamlParameter {...props} />;
}

function commonOf({ parameter: { name, description, required }, error }: FieldProps) {
  return { size: "xs", label: name, description, required, error } as const;
}

/** What holds without a value. */
function usualOf({ default: usual }: EvaluatorParameter): string | undefined {
  return typeof usual === "object" || usual === "" ? undefined : String(usual);
}

function ChoiceField({ options, ...props }: FieldProps & { options: readonly (string | number)[] }) {
  const { parameter, value, onChange } = props;
  return (
    <Select
      {...commonOf(props)}
      data={options.map(String)}
      clearable={!parameter.required}
      placeholder={usualOf(parameter)}
      value={value === undefined || value === null ? null : String(value)}
      onChange={(next) => onChange(options.find((one) => String(one) === next))}
    />
  );
}

function FlagField({ parameter, value, error, onChange }: FieldProps) {
  return (
    <Checkbox
      size="xs"
      label={parameter.name}
      description={parameter.description}
      error={error}
      checked={Boolean(value ?? parameter.default)}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

function NumberField({ whole, ...props }: FieldProps & { whole: boolean }) {
  return (
    <NumberInput
      {...commonOf(props)}
      allowDecimal={!whole}
      placeholder={usualOf(props.parameter)}
      value={typeof props.value === "number" ? props.value : ""}
      onChange={(next) => props.onChange(next === "" ? undefined : Number(next))}
    />
  );
}

const ROUTES = new Set(["model", "embedding"]);
const LONG = new Set(["template", "criterion"]);

function TextField(props: FieldProps) {
  const { parameter, value, models } = props;
  const text = typeof value === "string" ? value : "";
  const change = (next: string) => props.onChange(next || (parameter.required ? "" : undefined));
  if (ROUTES.has(parameter.name))
    return (
      <Autocomplete
        {...commonOf(props)}
        placeholder="route or provider/model"
        data={[...models]}
        limit={50}
        value={text}
        onChange={change}
      />
    );
  if (LONG.has(parameter.name))
    return (
      <Textarea
        {...commonOf(props)}
        className={classes.wide}
        autosize
        minRows={2}
        maxRows={12}
        placeholder={usualOf(parameter)?.slice(0, 200)}
        value={text}
        onChange={(event) => change(event.currentTarget.value)}
      />
    );
  return (
    <TextInput
      {...commonOf(props)}
      placeholder={usualOf(parameter)}
      value={text}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}

function ListField({ options, ...props }: FieldProps & { options: readonly string[] | undefined }) {
  const { parameter, value, onChange } = props;
  const list = ((value ?? parameter.default) as string[] | null) ?? [];
  if (options)
    return <MultiSelect {...commonOf(props)} data={[...options]} value={list} onChange={onChange} />;
  return (
    <TagsInput
      {...commonOf(props)}
      acceptValueOnBlur
      splitChars={[]}
      placeholder={list.length ? undefined : "Enter adds one"}
      value={list}
      onChange={(next) => onChange(next.length || parameter.required ? next : undefined)}
    />
  );
}

function YamlParameter({ parameter: { name, description }, value, error, onChange }: FieldProps) {
  return (
    <div className={classes.wide}>
      <YamlField
        shown
        label={`${name}, as YAML`}
        placeholder={`${name}: …`}
        value={value === undefined ? {} : { [name]: value }}
        onChange={(next) => onChange(next[name])}
      />
      <div className="dim">{description}</div>
      {error && <div className="bad">{error}</div>}
    </div>
  );
}
