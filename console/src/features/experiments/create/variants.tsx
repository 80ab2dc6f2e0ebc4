import { ActionIcon, Autocomplete, Button, TextInput } from "@mantine/core";
import { Icon } from "@/components/icons";
import type { VariantSpec } from "../types";
import classes from "./create.module.css";
import { nextName } from "./spec";
import type { Choices } from "./use-choices";
import { YamlField } from "./yaml-field";

interface VariantsProps {
  variants: readonly VariantSpec[];
  choices: Choices;
  onChange: (variants: VariantSpec[]) => void;
}

/** What is compared; the first is the baseline. */
export function Variants({ variants, choices, onChange }: VariantsProps) {
  const change = (at: number, next: Partial<VariantSpec>) =>
    onChange(variants.map((one, index) => (index === at ? { ...one, ...next } : one)));
  return (
    <fieldset className={classes.fieldset}>
      <legend>
        Variants <span className="faint">the first is the baseline that others are compared with</span>
      </legend>
      {variants.map((variant, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a variant being named is known by its place only.
        <div key={at} className={classes.item}>
          <div className={classes.itemLine}>
            <TextInput
              size="xs"
              aria-label={`Name of variant ${at + 1}`}
              value={variant.name}
              onChange={(event) => change(at, { name: event.currentTarget.value })}
            />
            {variant.python ? (
              <TextInput size="xs" aria-label="Function" value={variant.python} readOnly />
            ) : (
              <Autocomplete
                size="xs"
                aria-label={`Model of variant ${at + 1}`}
                placeholder="route or provider/model"
                data={choices.models}
                limit={50}
                value={variant.model ?? ""}
                onChange={(model) => change(at, { model })}
              />
            )}
            <Autocomplete
              size="xs"
              aria-label={`Prompt of variant ${at + 1}`}
              placeholder="no prompt: the input is sent as it is"
              data={choices.prompts}
              limit={50}
              disabled={Boolean(variant.messages || variant.python)}
              value={variant.prompt ?? ""}
              onChange={(prompt) => change(at, { prompt: prompt || null })}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Remove variant ${at + 1}`}
              disabled={variants.length === 1}
              onClick={() => onChange(variants.filter((_, index) => index !== at))}
            >
              <Icon name="trash" size={14} />
            </ActionIcon>
          </div>
          <YamlField
            label={`Parameters of variant ${at + 1}`}
            placeholder="temperature: 0"
            value={variant.parameters ?? {}}
            onChange={(parameters) => change(at, { parameters })}
          />
        </div>
      ))}
      <Button
        size="compact-xs"
        variant="subtle"
        leftSection={<Icon name="plus" size={12} />}
        onClick={() =>
          onChange([...variants, { ...(variants.at(-1) ?? { model: "" }), name: nextName(variants) }])
        }
      >
        Add a variant
      </Button>
    </fieldset>
  );
}
