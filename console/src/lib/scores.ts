/** Judgements as people read them, and as they type them. */

export interface ScoreValue {
  type: "number" | "boolean" | "category" | "text";
  number?: number | null;
  label?: string | null;
}

/** `yes`, `0.82`, `off topic`. */
export function sayScore({ type, number, label }: ScoreValue): string {
  if (type === "boolean") return number ? "yes" : "no";
  if (type === "number")
    return (number ?? 0).toLocaleString("en-US", { maximumSignificantDigits: 4, useGrouping: false });
  return label ?? "";
}

/** What was typed: a number, yes or no, else a category. */
export function readScore(text: string): boolean | number | string | null {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (/^(yes|true)$/i.test(trimmed)) return true;
  if (/^(no|false)$/i.test(trimmed)) return false;
  if (/^[+-]?(\d+(\.\d*)?|\.\d+)$/.test(trimmed)) return Number(trimmed);
  return trimmed;
}

/** A judgement as rows of lists carry it: a number or a label. */
export function sayScoreValue(value: number | string): string {
  return typeof value === "number" ? sayScore({ type: "number", number: value }) : value;
}
