import { Link } from "@tanstack/react-router";
import { useSignedIn } from "@/lib/session";
import type { Queue } from "../types";

/** To the page where a judge is held against labels. */
export function CalibrationLink({ queue }: { queue: Queue }) {
  const { may } = useSignedIn();
  if (!may("evaluators:read")) return null;
  return (
    <Link to="/calibrations" search={{ create: "yes", judge: queue.evaluator ?? undefined }}>
      Use for calibration
    </Link>
  );
}
