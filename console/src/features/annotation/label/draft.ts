/** What is being said of an item, and how keys say it. */

import type { Answers, NewLabel, Question, Task, Value } from "../types";

export interface Draft {
  answers: Answers;
  comment: string;
  /** Index of the question that keys answer. */
  active: number;
}

export interface Option {
  key: string | null;
  value: Value;
  label: string;
}

/** What a question offers, each with its key: 1 to 9, and the number itself on a scale. */
export function optionsOf({ type, categories, least, most }: Question): Option[] {
  if (type === "boolean")
    return [
      { key: "1", value: true, label: "yes" },
      { key: "2", value: false, label: "no" },
    ];
  if (type === "category")
    return categories.map((label, index) => ({
      key: index < 9 ? String(index + 1) : null,
      value: label,
      label,
    }));
  if (type !== "number" || least === null || most === null || !isScale(least, most)) return [];
  return Array.from({ length: most - least + 1 }, (_, index) => {
    const value = least + index;
    return { key: String(value), value, label: String(value) };
  });
}

/** Whole numbers of one digit are offered as buttons. */
function isScale(least: number, most: number): boolean {
  return Number.isInteger(least) && Number.isInteger(most) && least >= 0 && most <= 9;
}

export function beginWith(task: Pick<Task, "label">): Draft {
  const { answers = {}, comment = "" } = task.label ?? {};
  return { answers: answers as Answers, comment, active: 0 };
}

/** An answer to a question; the next one without an answer is the active one then. */
export function answered(
  draft: Draft,
  questions: readonly Question[],
  at: number,
  value: Value | null,
): Draft {
  const question = questions[at];
  if (!question) return draft;
  const { [question.name]: _, ...others } = draft.answers;
  const answers = value === null ? others : { ...others, [question.name]: value };
  if (value === null || optionsOf(question).length === 0) return { ...draft, answers, active: at };
  const open = questions.findIndex((one, index) => index > at && answers[one.name] === undefined);
  return { ...draft, answers, active: open < 0 ? at : open };
}

/** The option beside the one that is chosen. */
export function stepped(draft: Draft, questions: readonly Question[], step: number): Draft {
  const question = questions[draft.active];
  if (!question) return draft;
  const options = optionsOf(question);
  const at = options.findIndex((one) => one.value === draft.answers[question.name]);
  const next = options[at < 0 ? (step > 0 ? 0 : options.length - 1) : at + step];
  if (!next) return draft;
  return { ...draft, answers: { ...draft.answers, [question.name]: next.value } };
}

/** Index of the first question that must be answered and is not; -1: none. */
export function missingIn(draft: Draft, questions: readonly Question[]): number {
  return questions.findIndex((one) => one.required && draft.answers[one.name] === undefined);
}

export function toSend({ answers, comment }: Draft): NewLabel {
  return { answers, skip: null, comment: comment.trim() };
}

const PREFIX = "penstock.label.";

/** What was said of an item before the page was left or read again. */
export function kept(item: string): Draft | null {
  try {
    const text = window.sessionStorage.getItem(PREFIX + item);
    return text === null ? null : (JSON.parse(text) as Draft);
  } catch {
    return null;
  }
}

export function keep(item: string, draft: Draft | null): void {
  try {
    if (draft === null) window.sessionStorage.removeItem(PREFIX + item);
    else window.sessionStorage.setItem(PREFIX + item, JSON.stringify(draft));
  } catch {
    // The browser keeps nothing here: the page still has it.
  }
}
