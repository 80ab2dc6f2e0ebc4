import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { VariableValues } from "@/components/prompt/values";
import { useSignedIn } from "@/lib/session";
import { type Draft, sharedVariables, textsOfRow } from "./draft";
import classes from "./playground.module.css";
import { RowPicker } from "./row-picker";

interface SharedInputProps {
  draft: Draft;
  onChange: (next: Partial<Pick<Draft, "texts" | "message">>) => void;
}

/** What all variants are given: values of variables, by hand or of a dataset's row, and the caller's message. */
export function SharedInput({ draft, onChange }: SharedInputProps) {
  const { may } = useSignedIn();
  const [picking, setPicking] = useState(false);
  const variables = sharedVariables(draft);
  const names = Object.keys(variables);
  const take = (input: unknown) => {
    const texts = textsOfRow(input, variables);
    if (texts) onChange({ texts: { ...draft.texts, ...texts } });
    return texts !== null;
  };
  return (
    <section className={`card ${classes.input}`} aria-label="Shared input">
      <div className={classes.inputHead}>
        <b>Variables</b>
        {names.length === 0 && <span className="dim">None is declared.</span>}
        <span className={classes.push} />
        {names.length > 0 && may("datasets:read") && (
          <Button size="compact-xs" variant="default" onClick={() => setPicking(!picking)}>
            From a dataset
          </Button>
        )}
      </div>
      {picking && <RowPicker onTake={take} />}
      <div className={classes.fields}>
        <VariableValues variables={variables} texts={draft.texts} onChange={(texts) => onChange({ texts })} />
        <Textarea
          size="xs"
          autosize
          maxRows={8}
          label="The caller's message"
          description="Sent after the prompt, where it stands alone or has a placeholder."
          placeholder="none"
          value={draft.message}
          onChange={(event) => onChange({ message: event.currentTarget.value })}
        />
      </div>
    </section>
  );
}
