import { useRef } from "react";
import classes from "./definition.module.css";

export interface Mark {
  line: number;
  message: string;
}

interface SourceEditorProps {
  label: string;
  text: string;
  onChange: (text: string) => void;
  marks: readonly Mark[];
  readOnly?: boolean | undefined;
  /** Lines that are shown at least. */
  minRows?: number;
}

const INDENT = "  ";

/** Text with line numbers; lines with something wrong are marked. Tab indents, Escape then Tab leaves. */
export function SourceEditor({ label, text, onChange, marks, readOnly, minRows = 12 }: SourceEditorProps) {
  const leaving = useRef(false);
  const lines = text.split("\n").length;
  const wrong = new Map<number, string>();
  for (const mark of marks)
    wrong.set(mark.line, [wrong.get(mark.line), mark.message].filter(Boolean).join("\n"));
  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Escape") leaving.current = true;
    else if (event.key !== "Tab") leaving.current = false;
    if (event.key !== "Tab" || event.shiftKey || leaving.current || readOnly) return;
    event.preventDefault();
    const area = event.currentTarget;
    area.setRangeText(INDENT, area.selectionStart, area.selectionEnd, "end");
    onChange(area.value);
  };
  return (
    <div className={classes.editor}>
      <div className={classes.gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a line is its number.
          <span key={index} data-wrong={wrong.has(index + 1) || undefined} title={wrong.get(index + 1)}>
            {index + 1}
          </span>
        ))}
      </div>
      <textarea
        className={classes.text}
        aria-label={label}
        aria-invalid={marks.length > 0}
        value={text}
        rows={Math.max(minRows, lines + 1)}
        wrap="off"
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        readOnly={readOnly}
        onChange={(event) => onChange(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
    </div>
  );
}

/** Puts the cursor at the start of a line. */
export function goToLine(area: HTMLTextAreaElement | null | undefined, line: number): void {
  if (!area) return;
  const start = area.value
    .split("\n")
    .slice(0, line - 1)
    .reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start);
}
