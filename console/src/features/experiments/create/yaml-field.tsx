import { Textarea } from "@mantine/core";
import { useState } from "react";
import { parseText, toText } from "@/lib/definition-text";

interface YamlFieldProps {
  label: string;
  value: Record<string, unknown>;
  onChange: (value: Record<string, unknown>) => void;
  placeholder?: string;
  /** Visible above the field; else the label is only for who cannot see it. */
  shown?: boolean;
}

/** Fields and their values as YAML; what cannot be read is said below, and not taken over. */
export function YamlField({ label, value, onChange, placeholder, shown }: YamlFieldProps) {
  const [text, setText] = useState(() => (Object.keys(value).length ? toText(value).trimEnd() : ""));
  const parsed = text.trim() ? parseText(text) : { value: {}, problems: [] };
  const problem = parsed.problems[0];
  return (
    <Textarea
      size="xs"
      autosize
      minRows={1}
      maxRows={12}
      {...(shown ? { label } : { "aria-label": label })}
      placeholder={placeholder}
      value={text}
      error={problem ? `Line ${problem.line}: ${problem.message}` : null}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
      spellCheck={false}
      onChange={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        const read = next.trim() ? parseText(next) : { value: {} };
        if (read.value) onChange(read.value);
      }}
    />
  );
}
