import { Button, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import type { DatasetRow } from "../types";
import classes from "./detail.module.css";
import { brokenJson, fromField, toField } from "./texts";

interface RowFormProps {
  row: DatasetRow;
  error: Error | null;
  loading: boolean;
  /** Why it cannot be saved yet. */
  missing?: string | null;
  action: string;
  onSave: (row: DatasetRow) => void;
  /** Beside the button. */
  others?: React.ReactNode;
}

const BROKEN = "No JSON yet; it would be saved as a text.";

/** All fields of a row. */
export function RowForm({ row, error, loading, missing, action, onSave, others }: RowFormProps) {
  const [fields, setFields] = useState({
    input: toField(row.input),
    reference: toField(row.reference),
    context: toField(row.context?.length ? row.context : ""),
    metadata: toField(row.metadata && Object.keys(row.metadata).length ? row.metadata : ""),
    group: row.group ?? "",
    id: row.id,
  });
  const change = (next: Partial<typeof fields>) => setFields({ ...fields, ...next });
  const metadata = fromField(fields.metadata, {});
  const context = fromField(fields.context, []);
  const wrong =
    (metadata !== null &&
      (typeof metadata !== "object" || Array.isArray(metadata)) &&
      "Metadata must be a JSON object.") ||
    (context !== null &&
      typeof context !== "string" &&
      !Array.isArray(context) &&
      "Context must be a JSON list of texts.") ||
    (fields.input.trim() === "" && "A row needs an input.");
  const area = (name: "input" | "reference" | "context" | "metadata", label: string, about?: string) => (
    <Textarea
      size="xs"
      autosize
      minRows={name === "input" ? 3 : 1}
      maxRows={16}
      label={label}
      description={about}
      value={fields[name]}
      error={brokenJson(fields[name]) ? BROKEN : null}
      onChange={(event) => change({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <form
      className={classes.form}
      aria-label="Row"
      onSubmit={(event) => {
        event.preventDefault();
        onSave({
          id: fields.id.trim(),
          input: fromField(fields.input, row.input),
          reference: fromField(fields.reference, row.reference ?? null),
          context: (typeof context === "string" ? [context] : (context ?? [])) as string[],
          metadata: (metadata ?? {}) as Record<string, unknown>,
          group: fields.group.trim() || null,
        });
      }}
    >
      {area("input", "Input", "A text, or JSON: messages, or the values of a prompt's variables.")}
      {area("reference", "Reference")}
      {area("context", "Context")}
      {area("metadata", "Metadata")}
      <div className={watch.fields}>
        <TextInput
          size="xs"
          label="Group"
          value={fields.group}
          onChange={(event) => change({ group: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          label="Id"
          placeholder="made of the input"
          // Another id would be another row.
          readOnly={row.id !== ""}
          value={fields.id}
          onChange={(event) => change({ id: event.currentTarget.value })}
        />
      </div>
      {error && <Failure error={error} />}
      <div className={watch.bar}>
        {others}
        <span className={watch.push} />
        {(missing || wrong) && <span className="dim">{missing || wrong}</span>}
        <Button size="xs" type="submit" loading={loading} disabled={Boolean(missing || wrong)}>
          {action}
        </Button>
      </div>
    </form>
  );
}
