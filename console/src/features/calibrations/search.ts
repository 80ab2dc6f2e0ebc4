import { one } from "@/lib/search-params";

export interface CalibrationsSearch {
  /** The form for a new calibration is open. */
  create?: "yes";
  /** For the form: the judge, as `name@version`. */
  judge?: string;
}

export interface CalibrationSearch {
  /** Id of the report that is shown; undefined: the newest. */
  report?: string;
}

export function validateCalibrations(raw: Record<string, unknown>): CalibrationsSearch {
  return { create: one(raw.create) === "yes" ? "yes" : undefined, judge: one(raw.judge) };
}

export function validateCalibration(raw: Record<string, unknown>): CalibrationSearch {
  return { report: one(raw.report) };
}
