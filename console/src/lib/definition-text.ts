/** A definition as text that people edit, and the lines of that text that an error is about. */

import { isMap, isNode, isSeq, LineCounter, parseDocument, stringify } from "yaml";

export interface ParsedText {
  /** Null when the text cannot be read, or is no mapping. */
  value: Record<string, unknown> | null;
  problems: { message: string; line: number }[];
}

export function toText(definition: unknown): string {
  return stringify(definition, { lineWidth: 110, indentSeq: false });
}

/** YAML, or JSON, which is YAML too. */
export function parseText(text: string): ParsedText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map((error) => ({
    message: error.message,
    line: lines.linePos(error.pos[0]).line,
  }));
  if (problems.length) return { value: null, problems };
  try {
    const value: unknown = document.toJS({ maxAliasCount: 50 });
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return { value: value as Record<string, unknown>, problems };
  } catch (error) {
    return {
      value: null,
      problems: [{ message: error instanceof Error ? error.message : String(error), line: 1 }],
    };
  }
  return { value: null, problems: [{ message: "Expected fields and their values.", line: 1 }] };
}

const STEP = /\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|\.?([^.[\]]+)/g;

/** `strategy.fallback[0]`, `variants["gpt-4.1"].model` as the names and places on its way. */
export function pathOf(field: string): (string | number)[] {
  return [...field.matchAll(STEP)].map(([, quoted, index, plain]) =>
    quoted !== undefined ? quoted : index !== undefined ? Number(index) : (plain ?? ""),
  );
}

/** The line, from 1, of a field, or of the nearest thing above it that the text has. */
export function lineOf(text: string, field: string | null | undefined): number {
  if (!field) return 1;
  const lines = new LineCounter();
  let node: unknown = parseDocument(text, { lineCounter: lines }).contents;
  let at = 0;
  for (const step of pathOf(field)) {
    const pair = isMap(node) ? node.items.find((item) => keyOf(item.key) === String(step)) : undefined;
    const next: unknown = pair ? pair.value : isSeq(node) ? node.items[Number(step)] : undefined;
    const mark: unknown = pair ? pair.key : next;
    if (isNode(mark) && mark.range) at = mark.range[0];
    if (next === undefined || next === null) break;
    node = next;
  }
  return lines.linePos(at).line || 1;
}

function keyOf(key: unknown): string {
  return isNode(key) ? String(key) : String(key ?? "");
}
