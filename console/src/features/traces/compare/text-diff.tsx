import { diffLines, diffWordsWithSpace } from "diff";
import { useMemo } from "react";
import classes from "./compare.module.css";

/** Words are compared up to this length of both; beyond it lines are. */
const LONGEST_BY_WORD = 40_000;
const PATIENCE_MS = 400;
/** Unchanged text of more lines is folded in its middle. */
const CONTEXT_LINES = 6;

/** What only A says is struck out, what only B says is marked. */
export function TextDiff({ a, b }: { a: string; b: string }) {
  const parts = useMemo(() => {
    const short = a.length + b.length <= LONGEST_BY_WORD;
    const options = { timeout: PATIENCE_MS };
    return (short ? diffWordsWithSpace(a, b, options) : undefined) ?? diffLines(a, b, options) ?? null;
  }, [a, b]);
  if (parts === null) return <p className="dim">The texts differ too much to be compared word by word.</p>;
  return (
    <pre className={classes.diff}>
      {parts.map((part, index) => {
        const key = `${index} ${part.added} ${part.removed}`;
        if (part.added) return <ins key={key}>{part.value}</ins>;
        if (part.removed) return <del key={key}>{part.value}</del>;
        return <span key={key}>{fold(part.value)}</span>;
      })}
    </pre>
  );
}

function fold(text: string): string {
  const lines = text.split("\n");
  if (lines.length <= CONTEXT_LINES * 2 + 1) return text;
  const left = lines.length - CONTEXT_LINES * 2;
  return [...lines.slice(0, CONTEXT_LINES), `… ${left} lines alike …`, ...lines.slice(-CONTEXT_LINES)].join(
    "\n",
  );
}
