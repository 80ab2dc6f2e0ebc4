/**
 * Small changes to a text of the filter language, for clicks: a term added, taken away, recognised.
 * What the text means is the server's to say; here only its outermost terms are told apart.
 */

/** A quoted text with its escapes, a parenthesis, a gap, or anything else up to one of these. */
const PIECE = /"(?:[^"\\]|\\.)*"?|[()]|\s+|[^"()\s]+/gs;

/** The outermost terms as they are written, without the `and` between them; null when one hangs on an `or`. */
export function splitTerms(text: string): string[] | null {
  const terms: string[] = [];
  let term = "";
  let depth = 0;
  const finish = () => {
    if (term) terms.push(term);
    term = "";
  };
  for (const [piece] of text.matchAll(PIECE)) {
    if (piece === "(") depth += 1;
    if (piece === ")") depth -= 1;
    if (depth <= 0 && /^\s/.test(piece)) finish();
    else term += piece;
  }
  finish();
  const words = terms.map((one) => one.toLowerCase());
  if (words.includes("or") || words.includes("not")) return null;
  return terms.filter((_, index) => words[index] !== "and");
}

const BARE = /^[\p{L}\p{N}_./@+:-]+$/u;

/** A value as it is written after `name:`; quoted where it would be read as something else. */
export function writeValue(value: string): string {
  if (BARE.test(value) && !/^[-:]|\.\.|:$/.test(value)) return value;
  return `"${value.replace(/["\\]/g, "\\$&")}"`;
}

export function termOf(column: string, value: string | null): string {
  return value === null ? `missing:${column}` : `${column}:${writeValue(value)}`;
}

/** `text` and `term`. A text with an `or` in it is put in parentheses first. */
export function withTerm(text: string | undefined, term: string): string {
  const trimmed = (text ?? "").trim();
  if (!trimmed) return term;
  const terms = splitTerms(trimmed);
  if (terms === null) return `(${trimmed}) ${term}`;
  return terms.includes(term) ? trimmed : `${trimmed} ${term}`;
}

export function withoutTerm(text: string | undefined, term: string): string {
  const terms = splitTerms(text ?? "");
  return terms === null ? (text ?? "") : terms.filter((one) => one !== term).join(" ");
}

export function hasTerm(text: string | undefined, term: string): boolean {
  return splitTerms(text ?? "")?.includes(term) ?? false;
}

/** The other values of this column go, and this one comes; the same again goes. */
export function toggleTerm(text: string | undefined, term: string): string {
  return hasTerm(text, term) ? withoutTerm(text, term) : withTerm(text, term);
}

/** `text` where what stands from `from` to `to` is replaced, and where the cursor then is. */
export function replaceRange(
  text: string,
  range: { from: number; to: number },
  insert: string,
): { text: string; cursor: number } {
  const after = text.slice(range.to);
  const gap = /[:=<>(.]$/.test(insert) || /^[\s)]/.test(after) ? "" : " ";
  return {
    text: `${text.slice(0, range.from)}${insert}${gap}${after}`,
    cursor: range.from + insert.length + gap.length,
  };
}
