import { expect, test } from "vitest";
import { ApiProblem } from "@/api/problem";
import { faultOf } from "@/features/experiments/create/evaluators";
import { withoutNull } from "@/features/experiments/create/parameters";
import { wantedOf } from "./start";
import type { Estimate, KnownEvaluator } from "./types";
import { formatCoefficient, judgeRows, sayEstimate, sayVersion } from "./words";

const metric = {
  metric: "good",
  state: "outdated",
  reason: "It has not been calibrated.",
  calibration: null,
};
const version = (number: number) => ({
  version: number,
  evaluator: "d".repeat(64),
  metrics: [metric],
  labels: [],
});
const judge = { name: "good", versions: [version(2), version(1)] } as unknown as KnownEvaluator;

test("each version of a judge is a row of its own", () => {
  expect(judgeRows([judge]).map((row) => row.version.version)).toEqual([2, 1]);
  expect(sayVersion({ version: 2, evaluator: null })).toBe("v2");
  expect(sayVersion({ version: null, evaluator: "abcdef0123456789" })).toBe("abcdef01");
});

test("an estimate is said with its interval", () => {
  const estimate = { value: 0.5, interval: { low: -0.25, high: 0.75 } } as Estimate;
  expect(sayEstimate(estimate, formatCoefficient)).toBe("0.50, −0.25 to 0.75");
  expect(sayEstimate(null)).toBe("–");
});

test("an error stands at the parameter of the evaluator that it names", () => {
  const error = new ApiProblem(400, { detail: "No pattern.", field: "evaluators[1].pattern" });
  expect(faultOf(error, 1)).toEqual({ field: "pattern", message: "No pattern." });
  expect(faultOf(error, 0)).toBeNull();
  expect(faultOf(new Error("x"), 1)).toBeNull();
  expect(faultOf(new ApiProblem(400, { detail: "x", field: "evaluators[0]" }), 0)?.field).toBe("");
});

test("a parameter that may be null is a field of what else it may be", () => {
  expect(withoutNull({ anyOf: [{ type: "number" }, { type: "null" }] })).toEqual({ type: "number" });
  expect(withoutNull({ type: "string" })).toEqual({ type: "string" });
});

test("a calibration says what is missing before it can begin", () => {
  const draft = {
    judge: "",
    from: "queue" as const,
    queue: null,
    question: null,
    dataset: "",
    label: "metadata.label",
    answer: "metadata.answer",
  };
  expect(wantedOf(draft)).toBe("Choose a judge.");
  expect(wantedOf({ ...draft, judge: "good@2" })).toBe("Choose a queue and a question.");
  expect(wantedOf({ ...draft, judge: "good@2", queue: "q", question: "right" })).toEqual({
    name: "good",
    version: "2",
    queue: { queue: "q", question: "right" },
  });
  expect(wantedOf({ ...draft, judge: "good", from: "dataset", dataset: "d@3" })).toMatchObject({
    version: "latest",
    dataset: { dataset: "d", version: "3" },
  });
});
