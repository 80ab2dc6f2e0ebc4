/** A queue as the form has it, and as the API takes it. */

import type { NewQueue, Question, Queue } from "../types";

/** A question being written; `key` is its identity in the form. */
export interface DraftQuestion extends Question {
  key: number;
}

export interface Draft extends Required<Omit<NewQueue, "questions">> {
  questions: DraftQuestion[];
}

const NAME = /^[\w.-]{1,64}$/;
let made = 0;

export function newQuestion(name = ""): DraftQuestion {
  made += 1;
  return {
    key: made,
    name,
    type: "boolean",
    guidance: "",
    categories: [],
    least: null,
    most: null,
    required: true,
  };
}

export function draftOf(queue: Queue | null): Draft {
  if (!queue)
    return {
      name: "",
      description: "",
      questions: [newQuestion()],
      annotators: [],
      doubled: 0.1,
      lease_seconds: 900,
      evaluator: null,
    };
  const { name, description, questions, annotators, doubled, lease_seconds, evaluator } = queue;
  const kept = questions.map((one) => ({ ...newQuestion(), ...one }));
  return { name, description, questions: kept, annotators, doubled, lease_seconds, evaluator };
}

/** What of a question does not belong to its type is left out. */
export function toSend(draft: Draft): NewQueue {
  return {
    ...draft,
    name: draft.name.trim(),
    description: draft.description.trim(),
    evaluator: draft.evaluator?.trim() || null,
    questions: draft.questions.map(({ key: _, ...one }) => ({
      ...one,
      name: one.name.trim(),
      guidance: one.guidance.trim(),
      categories: one.type === "category" ? one.categories : [],
      least: one.type === "number" ? one.least : null,
      most: one.type === "number" ? one.most : null,
    })),
  };
}

/** What is missing before it can be sent; null: nothing. */
export function missingIn({ name, questions }: Draft): string | null {
  if (!name.trim()) return "Give the queue a name.";
  if (questions.length === 0) return "Ask at least one question.";
  const names = questions.map((one) => one.name.trim());
  const bad = names.findIndex((one) => !NAME.test(one));
  if (bad >= 0)
    return `Name question ${bad + 1}: letters, digits, dots, dashes and underscores, for it is a score's name.`;
  if (new Set(names).size < names.length) return "Two questions have the same name.";
  const few = questions.find((one) => one.type === "category" && one.categories.length < 2);
  if (few) return `Give ${few.name} at least two categories.`;
  const turned = questions.find(
    (one) => one.type === "number" && one.least !== null && one.most !== null && one.least > one.most,
  );
  return turned ? `The least ${turned.name} is above the most.` : null;
}
