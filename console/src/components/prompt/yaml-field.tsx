import { useState } from "react";
import { parseDocument } from "yaml";
import { SourceEditor } from "@/components/definition/source-editor";
import { toText } from "@/lib/definition-text";
import classes from "./prompt.module.css";

interface YamlFieldProps {
  label: string;
  value: unknown;
  readOnly?: boolean;
  /** Only what can be read; null for an empty text. */
  onChange: (value: unknown) => void;
  /** What is wrong with the text; null when nothing is. */
  onFault: (message: string | null) => void;
}

/** A value as YAML, or JSON. What is typed stays as it is typed. */
export function YamlField({ label, value, readOnly, onChange, onFault }: YamlFieldProps) {
  const [text, setText] = useState(() => (value === undefined || value === null ? "" : toText(value)));
  const [fault, setFault] = useState<{ line: number; message: string } | null>(null);
  const change = (next: string) => {
    setText(next);
    const document = parseDocument(next, { prettyErrors: true });
    const [error] = document.errors;
    const found = error
      ? { line: error.linePos?.[0].line ?? 1, message: error.message.split("\n")[0] ?? "" }
      : null;
    setFault(found);
    onFault(found ? `${label}: ${found.message}` : null);
    if (!found) onChange(document.toJS({ maxAliasCount: 50 }) ?? null);
  };
  return (
    <div className={classes.yaml}>
      <SourceEditor
        label={label}
        text={text}
        minRows={5}
        onChange={change}
        marks={fault ? [fault] : []}
        readOnly={readOnly}
      />
    </div>
  );
}
