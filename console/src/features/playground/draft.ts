/** What stands in the playground: variants side by side, and the input that they share. */

import type { PlaygroundRun } from "@/api/types";
import { compactBody, type PromptBody, type PromptVariable, valuesOf } from "@/lib/prompt-body";

export interface Origin {
  name: string;
  version: number;
  /** As it is stored: what the draft is compared with. */
  body: PromptBody;
}

export interface Variant {
  id: string;
  model: string;
  body: PromptBody;
  /** The stored version it began as. */
  origin: Origin | null;
  /** Variables that its partials declare. */
  inherited: Record<string, PromptVariable>;
}

export interface Draft {
  variants: Variant[];
  /** Values of variables, as they were typed. */
  texts: Record<string, string>;
  /** What the caller sends after the prompt. */
  message: string;
  /** Groups the runs of one sitting. */
  session: string;
}

export const MOST_VARIANTS = 6;

const EMPTY_BODY: PromptBody = {
  messages: [
    { role: "system", content: "You are a helpful assistant." },
    { role: "user", content: "{{ question }}" },
  ],
  variables: { question: {} },
};

export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function firstDraft(model: string): Draft {
  return draftOf([{ id: newId(), model, body: EMPTY_BODY, origin: null, inherited: {} }]);
}

export function draftOf(variants: Variant[]): Draft {
  return { variants, texts: {}, message: "", session: `playground-${newId()}` };
}

/** It says what its stored version says. */
export function isStored(variant: Variant): boolean {
  return variant.origin !== null && sameBody(variant.body, variant.origin.body);
}

function sameBody(a: PromptBody, b: PromptBody): boolean {
  return JSON.stringify(sorted(compactBody(a))) === JSON.stringify(sorted(compactBody(b)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, one]) => [name, sorted(one)]),
  );
}

export function variablesOf(variant: Variant): Record<string, PromptVariable> {
  return { ...variant.inherited, ...variant.body.variables };
}

/** The variables of all variants; of two with one name the first one's type. */
export function sharedVariables(draft: Draft): Record<string, PromptVariable> {
  return Object.assign({}, ...draft.variants.map(variablesOf).reverse());
}

/** What one variant's run sends; a stored version is run as such, so that the call is recorded under it. */
export function runOf(draft: Draft, variant: Variant): PlaygroundRun {
  const { values } = valuesOf(draft.texts, variablesOf(variant));
  const prompt = isStored(variant)
    ? { name: variant.origin?.name ?? null, version: String(variant.origin?.version ?? "latest") }
    : { body: compactBody(variant.body), version: "latest" };
  return {
    model: variant.model.trim(),
    ...prompt,
    variables: values,
    messages: draft.message.trim() ? [{ role: "user", content: draft.message }] : [],
    parameters: {},
    session: draft.session,
  };
}

/** Why a variant cannot be run as it is; null when it can. */
export function obstacleOf(draft: Draft, variant: Variant): string | null {
  if (!variant.model.trim()) return "Choose a model.";
  const variables = variablesOf(variant);
  const { values, wrong } = valuesOf(draft.texts, variables);
  if (wrong.length) return `${wrong.join(", ")}: not of its type.`;
  const missing = Object.entries(variables).filter(
    ([name, variable]) => variable.default === undefined && !(name in values),
  );
  const names = missing.map(([name]) => name);
  return names.length ? `${names.join(", ")} ${names.length === 1 ? "needs" : "need"} a value.` : null;
}

/** The input of a dataset's row as values of variables: by name, or all of it for a single one. */
export function textsOfRow(
  input: unknown,
  variables: Readonly<Record<string, PromptVariable>>,
): Record<string, string> | null {
  const names = Object.keys(variables);
  if (typeof input === "object" && input !== null && !Array.isArray(input)) {
    const fields = input as Record<string, unknown>;
    const known = names.filter((name) => name in fields);
    if (known.length) return Object.fromEntries(known.map((name) => [name, asTyped(fields[name])]));
  }
  const needed = names.filter((name) => variables[name]?.default === undefined);
  const only = names.includes("input") ? "input" : (needed.length === 1 ? needed : names)[0];
  if (!only || (needed.length > 1 && only !== "input")) return null;
  return { [only]: asTyped(input) };
}

function asTyped(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
