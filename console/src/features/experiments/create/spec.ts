/** An experiment as the form has it, and as the API takes it. */

import type { EvaluatorType } from "@/features/calibrations/types";
import type { ExperimentSpec, VariantSpec } from "../types";

/** What a new evaluator of a type begins with, where its required parameters alone say little. */
const STARTERS: Record<string, Record<string, unknown>> = {
  rubric: {
    criteria: [{ name: "helpful", description: "Does the answer help who asked?", scale: "boolean" }],
  },
  instructions: { instructions: [] },
  language: { same_as: "input" },
  length: { unit: "words" },
};

/** A definition of a type with a place for each required parameter. */
export function newEvaluator({ type, parameters }: EvaluatorType): Record<string, unknown> {
  const required = parameters.filter((one) => one.required);
  return {
    type,
    ...Object.fromEntries(required.map((one) => [one.name, emptyOf(one.schema)])),
    ...STARTERS[type],
  };
}

function emptyOf({ type }: Record<string, unknown>): unknown {
  if (type === "array") return [];
  return type === "object" ? {} : "";
}

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
  if (without) return `Choose a model for ${without.name || "each variant"}.`;
  const judge = spec.evaluators?.find((one) => (one as Record<string, unknown>).model === "");
  return judge ? `Choose a model for the evaluator ${(judge as Record<string, unknown>).type}.` : null;
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
