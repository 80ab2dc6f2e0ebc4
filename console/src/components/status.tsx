import classes from "./status.module.css";

export type CallStatus = "ok" | "error" | "interrupted" | "blocked";

/** A dot and a word; never colour alone. */
export function StatusMark({ status, detail }: { status: string; detail?: string }) {
  return (
    <span className={classes.root} data-status={status} title={detail ? `${status}: ${detail}` : status}>
      <span className={classes.dot} />
      {status === "interrupted" ? "cut off" : status}
    </span>
  );
}
