/** Shapes of the API's evaluators and calibrations. */

import type { paths } from "@/api/generated/schema";

type Json<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

export type EvaluatorType = Json<paths["/api/v1/evaluators/types"]["get"]>["items"][number];
export type EvaluatorParameter = EvaluatorType["parameters"][number];
export type KnownEvaluator = Json<paths["/api/v1/evaluators"]["get"]>["items"][number];
export type JudgeVersion = KnownEvaluator["versions"][number];
export type JudgeMetric = JudgeVersion["metrics"][number];
export type JudgeState = JudgeMetric["state"];
export type Calibration = Json<paths["/api/v1/evaluators/{name}/calibrations/{id}"]["get"]>;
export type CalibrationRecord = Json<paths["/api/v1/evaluators/{name}/calibrations"]["get"]>["items"][number];
export type Report = Calibration["report"];
export type Estimate = NonNullable<Report["agreement"]>;
export type Disagreement = NonNullable<Calibration["disagreements"]>[number];
export type CalibrationRun = Json<paths["/api/v1/evaluators/calibration-runs/{id}"]["get"]>;
