/** Conditions on the labels of alerts, one a row; all must hold. */

import { ActionIcon, Autocomplete, Button, Input, NativeSelect, TextInput } from "@mantine/core";
import { Icon } from "@/components/icons";
import classes from "./matcher-fields.module.css";

export interface Matcher {
  label: string;
  op: "=" | "!=" | "=~" | "!~";
  value: string;
}

const OPS: { value: Matcher["op"]; label: string }[] = [
  { value: "=", label: "is" },
  { value: "!=", label: "is not" },
  { value: "=~", label: "matches" },
  { value: "!~", label: "does not match" },
];

export const NO_MATCHER: Matcher = { label: "", op: "=", value: "" };

/** Rows that name a label; what is left empty says nothing. */
export function namedMatchers(matchers: readonly Matcher[]): Matcher[] {
  return matchers
    .map((one) => ({ ...one, label: one.label.trim(), value: one.value.trim() }))
    .filter((one) => one.label !== "");
}

interface MatcherFieldsProps {
  legend: string;
  description?: string;
  value: readonly Matcher[];
  onChange: (matchers: Matcher[]) => void;
  /** Labels that alerts have, with values seen; others may be written too. */
  known: ReadonlyMap<string, readonly string[]>;
}

export function MatcherFields({ legend, description, value, onChange, known }: MatcherFieldsProps) {
  const change = (at: number, next: Partial<Matcher>) =>
    onChange(value.map((one, index) => (index === at ? { ...one, ...next } : one)));
  return (
    <fieldset className={classes.root}>
      <Input.Label component="legend" size="xs">
        {legend}
      </Input.Label>
      {description && <Input.Description size="xs">{description}</Input.Description>}
      {value.map((one, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is known by its place only.
        <div key={at} className={classes.row}>
          <Autocomplete
            size="xs"
            aria-label={`Label ${at + 1}`}
            placeholder="label"
            data={[...known.keys()]}
            value={one.label}
            onChange={(label) => change(at, { label })}
          />
          <NativeSelect
            size="xs"
            aria-label={`Comparison ${at + 1}`}
            data={OPS}
            value={one.op}
            onChange={(event) => change(at, { op: event.currentTarget.value as Matcher["op"] })}
          />
          {one.op.includes("~") ? (
            <TextInput
              size="xs"
              aria-label={`Value ${at + 1}`}
              placeholder="expression, for the whole value"
              value={one.value}
              onChange={(event) => change(at, { value: event.currentTarget.value })}
            />
          ) : (
            <Autocomplete
              size="xs"
              aria-label={`Value ${at + 1}`}
              placeholder="value"
              data={[...(known.get(one.label) ?? [])]}
              value={one.value}
              onChange={(text) => change(at, { value: text })}
            />
          )}
          <ActionIcon
            size="sm"
            variant="subtle"
            color="gray"
            aria-label={`Remove condition ${at + 1}`}
            disabled={value.length === 1}
            onClick={() => onChange(value.filter((_, index) => index !== at))}
          >
            <Icon name="close" size={12} />
          </ActionIcon>
        </div>
      ))}
      <Button
        size="compact-xs"
        variant="subtle"
        leftSection={<Icon name="plus" size={12} />}
        onClick={() => onChange([...value, NO_MATCHER])}
      >
        And
      </Button>
    </fieldset>
  );
}
