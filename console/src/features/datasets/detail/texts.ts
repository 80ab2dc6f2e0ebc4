const LONGEST = 400;

/** A value in one line, for a cell. */
export function oneLine(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text === "{}") return "";
  return text.slice(0, LONGEST).replace(/\s+/g, " ");
}

/** A value as it is edited: a text as it is, all else as JSON. */
export function toField(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/**
 * What was written in a field. A text that reads as an object, a list, or quoted is JSON; all else is the text itself,
 * so that 12 stays what was typed, unless the value before was no text.
 */
export function fromField(text: string, before: unknown): unknown {
  if (text.trim() === "") return before === "" ? "" : null;
  const json =
    /^\s*[[{"]/.test(text) || (before !== null && before !== undefined && typeof before !== "string");
  if (!json) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether a text looks like JSON and is none: it would be saved as the text it is. */
export function brokenJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
