import { Select, Textarea } from "@mantine/core";
import { type PromptVariable, readValue, writeTyped } from "@/lib/prompt-body";
import classes from "./prompt.module.css";

interface VariableValuesProps {
  variables: Readonly<Record<string, PromptVariable>>;
  /** As they were typed. */
  texts: Readonly<Record<string, string>>;
  onChange: (texts: Record<string, string>) => void;
}

/** A field for the value of each variable. */
export function VariableValues({ variables, texts, onChange }: VariableValuesProps) {
  return (
    <div className={classes.values}>
      {Object.entries(variables).map(([name, variable]) => {
        const text = texts[name] ?? "";
        const set = (value: string) => onChange({ ...texts, [name]: value });
        const { type = "string", default: usual, description } = variable;
        const label = type === "string" ? name : `${name} (${type})`;
        if (variable.enum)
          return (
            <Select
              key={name}
              size="xs"
              label={label}
              description={description}
              clearable
              placeholder={usual === undefined ? "choose one" : writeTyped(usual)}
              data={variable.enum.map(writeTyped)}
              value={text || null}
              onChange={(value) => set(value ?? "")}
            />
          );
        const wrong = text !== "" && readValue(text, type) === undefined;
        return (
          <Textarea
            key={name}
            size="xs"
            autosize
            maxRows={10}
            label={label}
            description={description}
            placeholder={usual === undefined ? "a value is needed" : writeTyped(usual)}
            error={wrong ? `Expected a value of type ${type}, as JSON.` : undefined}
            value={text}
            onChange={(event) => set(event.currentTarget.value)}
          />
        );
      })}
    </div>
  );
}
