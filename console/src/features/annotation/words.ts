/** Annotation in words: rubrics, answers, estimates, how far a queue is. */

import { formatPercent, NOTHING } from "@/lib/format";
import type {
  Agreement,
  Estimate,
  GoldenResult,
  Question,
  QuestionType,
  Queue,
  QueueReport,
  Value,
} from "./types";

export const TYPES: Record<QuestionType, string> = {
  boolean: "yes or no",
  category: "one of several",
  number: "a number",
  text: "a text",
};

/** Below this, labels are too unlike each other to measure with (Krippendorff 2004). */
export const LEAST_ALPHA = 0.667;
/** From here on they may be relied on. */
export const GOOD_ALPHA = 0.8;

/** `polite, tone (calm, neutral, angry), grade (1–5)`. */
export function sayRubric(questions: readonly Question[]): string {
  return questions
    .map((one) => {
      const scale = sayScale(one);
      return scale ? `${one.name} (${scale})` : one.name;
    })
    .join(", ");
}

export function sayScale({ type, categories, least, most }: Question): string {
  if (type === "category") return categories.join(", ");
  if (type === "number" && (least !== null || most !== null)) return `${least ?? "…"}–${most ?? "…"}`;
  return "";
}

export function sayAnswer(value: Value | undefined | null): string {
  if (value === undefined || value === null) return NOTHING;
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
}

/** Whether answers of several people are the same. */
export function isDisputed(question: Question, values: readonly (Value | undefined | null)[]): boolean {
  const given = values.filter((one) => one !== undefined && one !== null);
  return question.type !== "text" && new Set(given.map(String)).size > 1;
}

export function shareDone({ items, done, skipped }: Queue): number {
  return items ? (done + skipped) / items : 0;
}

/** `0.71`, and its interval `0.52 to 0.85`. */
export function sayAlpha(alpha: Estimate | null): { value: string; interval: string } {
  if (alpha === null) return { value: NOTHING, interval: "" };
  const { low, high } = alpha.interval;
  return { value: alpha.value.toFixed(2), interval: `${low.toFixed(2)} to ${high.toFixed(2)}` };
}

export function saySharing({ value, interval }: Estimate): { value: string; interval: string } {
  return {
    value: formatPercent(value),
    interval: `${formatPercent(interval.low)} to ${formatPercent(interval.high)}`,
  };
}

export type Trust = "good" | "warn" | "bad";

export function trustIn(alpha: Estimate | null): { tone: Trust; says: string } | null {
  if (alpha === null) return null;
  if (alpha.value < LEAST_ALPHA && alpha.interval.high >= LEAST_ALPHA)
    return { tone: "warn", says: "not clear yet: more items labelled by two tell" };
  if (alpha.value >= GOOD_ALPHA) return { tone: "good", says: "reliable" };
  if (alpha.value >= LEAST_ALPHA) return { tone: "warn", says: "for tentative conclusions" };
  return { tone: "bad", says: "too unlike: the rubric needs better guidance" };
}

/** The question on which people agree least, as far as it can be told. */
export function leastAgreed(agreement: readonly Agreement[]): Agreement | null {
  const known = agreement.filter((one) => one.alpha !== null);
  return known.reduce<Agreement | null>(
    (least, one) => (least?.alpha && one.alpha && least.alpha.value <= one.alpha.value ? least : one),
    null,
  );
}

/** Right and answered over all annotators and questions. */
export function goldenShare(golden: readonly GoldenResult[]): { right: number; answered: number } {
  return golden.reduce(
    (sum, one) => ({ right: sum.right + one.right, answered: sum.answered + one.answered }),
    { right: 0, answered: 0 },
  );
}

export function nameOf({ names }: Pick<QueueReport, "names">, annotator: string): string {
  return names[annotator] ?? annotator;
}

/** Seconds as `8 s`, `2 min`. */
export function sayPace(seconds: number | null): string {
  if (seconds === null) return NOTHING;
  return seconds < 100
    ? `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
    : `${Math.round(seconds / 60)} min`;
}
