import { Button } from "@mantine/core";
import { ApiProblem, Unreachable } from "@/api/problem";
import classes from "./empty.module.css";

/** What happened, what to do about it, and a way to try again. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, hint, code } = explain(error);
  return (
    <div className={classes.failure} role="alert">
      <p className={classes.failureTitle}>{title}</p>
      {hint && <p className={classes.failureHint}>{hint}</p>}
      <div className={classes.failureFoot}>
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
        {code && <code className="faint">{code}</code>}
      </div>
    </div>
  );
}

export interface Explanation {
  title: string;
  hint: string | null;
  code: string | null;
}

export function explain(error: unknown): Explanation {
  if (error instanceof Unreachable)
    return {
      title: error.message,
      hint: "It may be restarting. Check that `penstock up` or `penstock console` is running; this page tries again by itself.",
      code: null,
    };
  if (error instanceof ApiProblem) {
    const field = error.field ? ` in ${error.field}` : "";
    return {
      title: error.message,
      hint: error.hint ?? hintFor(error),
      code: `${error.status} ${error.code}${field}`,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    title: `This page failed: ${message}`,
    hint: "Reload the page. A newer console may have been installed.",
    code: null,
  };
}

function hintFor(problem: ApiProblem): string | null {
  if (problem.status === 403) return "Ask an admin for a sign-in link with a role that allows this.";
  if (problem.status >= 500) return "`penstock doctor` on the server says what is wrong.";
  return null;
}
