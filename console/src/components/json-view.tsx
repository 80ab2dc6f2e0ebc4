import { memo } from "react";
import { CopyIcon } from "./copy";
import classes from "./json-view.module.css";

/** Beyond this, colours cost more than they give. */
const LONGEST_COLOURED = 200_000;
const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function pretty(value: unknown): string {
  if (typeof value === "string") return value;
  return JSON.stringify(value, null, 2) ?? "";
}

/** A value as indented JSON, with a button that copies it. */
export const JsonView = memo(function JsonView({ value, label }: { value: unknown; label: string }) {
  const text = pretty(value);
  return (
    <div className={classes.root}>
      <pre className={classes.text}>{text.length > LONGEST_COLOURED ? text : coloured(text)}</pre>
      <div className={classes.copy}>
        <CopyIcon text={text} label={`Copy ${label}`} />
      </div>
    </div>
  );
});

function coloured(text: string) {
  const parts: (string | React.ReactElement)[] = [];
  let from = 0;
  for (const match of text.matchAll(TOKEN)) {
    parts.push(text.slice(from, match.index));
    const [whole, string, colon, word] = match;
    const kind = string ? (colon ? classes.name : classes.string) : word ? classes.word : classes.number;
    parts.push(
      <span key={match.index} className={kind}>
        {whole}
      </span>,
    );
    from = match.index + whole.length;
  }
  parts.push(text.slice(from));
  return parts;
}
