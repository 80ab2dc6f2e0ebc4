/** An experiment as the form has it, and as the API takes it. */

import type { ExperimentSpec, VariantSpec } from "../types";

/** What an evaluator needs at least, and what it does; others are written as YAML. */
export const EVALUATORS: readonly { type: string; says: string; body: Record<string, unknown> }[] = [
  { type: "exact", says: "the answer is the reference", body: {} },
  { type: "contains", says: "the answer holds the reference, or given texts", body: {} },
  { type: "numeric", says: "the last number of the answer is that of the reference", body: {} },
  { type: "regex", says: "the answer matches a pattern", body: { pattern: "" } },
  { type: "json_schema", says: "the answer is JSON of a schema", body: { schema: { type: "object" } } },
  { type: "fields", says: "fields of a JSON answer are those of the reference", body: {} },
  { type: "edit_distance", says: "how much of the reference's text is there", body: {} },
  { type: "token_overlap", says: "F1 of words with the reference", body: {} },
  { type: "rouge", says: "ROUGE with the reference", body: {} },
  { type: "length", says: "how long the answer is", body: { unit: "words" } },
  { type: "language", says: "the language of the answer", body: { same_as: "input" } },
  {
    type: "rubric",
    says: "a model judges by criteria",
    body: {
      model: "",
      criteria: [{ name: "helpful", description: "Does the answer help who asked?", scale: "boolean" }],
    },
  },
  {
    type: "pairwise",
    says: "a model says which of two answers is better",
    body: { model: "", criterion: "", against: "reference" },
  },
  { type: "groundedness", says: "a model checks each claim against the context", body: { model: "" } },
  {
    type: "instructions",
    says: "a model checks given instructions",
    body: { model: "", instructions: [""] },
  },
];

export const NEW_SPEC: ExperimentSpec = {
  name: "",
  dataset: "",
  variants: [{ name: "baseline", model: "" }],
  evaluators: [{ type: "exact" }],
};

export const EMPTY_SPEC: ExperimentSpec = { name: "", dataset: "", variants: [] };

/** The form's fields as they are sent: what is empty or the default is left out. */
export function specToSend(spec: ExperimentSpec): ExperimentSpec {
  const { name, dataset, variants, ...rest } = spec;
  return {
    name: name.trim(),
    dataset: dataset.trim(),
    variants: variants.map(cleanVariant),
    ...withoutEmpty(rest),
  };
}

function cleanVariant({ name, ...rest }: VariantSpec): VariantSpec {
  return { name: name.trim(), ...withoutEmpty(rest) };
}

function withoutEmpty<Fields extends object>(fields: Fields): Partial<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value))) as Partial<Fields>;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** What is missing before it can be sent; null: nothing. */
export function missingIn(spec: ExperimentSpec): string | null {
  if (!spec.name?.trim()) return "Give it a name.";
  if (!spec.dataset?.trim()) return "Choose a dataset.";
  if (!spec.variants?.length) return "Add a variant.";
  const without = spec.variants.find((one) => !one.model?.trim() && !one.python);
  return without ? `Choose a model for ${without.name || "each variant"}.` : null;
}

/** A name that no variant has yet. */
export function nextName(variants: readonly VariantSpec[]): string {
  const names = new Set(variants.map((one) => one.name));
  if (!names.has("candidate")) return "candidate";
  let number = 2;
  while (names.has(`candidate-${number}`)) number += 1;
  return `candidate-${number}`;
}

/** How many calls it makes, judges not counted; null without a known number of rows. */
export function callsOf(spec: ExperimentSpec, rows: number | null): number | null {
  if (rows === null) return null;
  return Math.min(rows, spec.limit ?? rows) * spec.variants.length * (spec.repetitions ?? 1);
}
