import { useAddress } from "@/lib/address";
import { useSignedIn } from "@/lib/session";
import type { Queue } from "../types";

/** To the page where a judge is held against the labels of a question. */
export function CalibrationLink({ queue, question }: { queue: Queue; question: string }) {
  const { may } = useSignedIn();
  const { project } = useAddress();
  if (!may("evaluators:read")) return null;
  const search = new URLSearchParams({ ...(project ? { project } : {}), create: "yes", scores: question });
  if (queue.evaluator) search.set("evaluator", queue.evaluator);
  return <a href={`/calibrations?${search}`}>Use for calibration</a>;
}
