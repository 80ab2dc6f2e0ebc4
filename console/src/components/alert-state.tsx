import classes from "./alert-state.module.css";

const WORDS: Record<string, string> = { no_data: "no data" };

/** A dot and a word for the state of an alert, an objective or an incident; never colour alone. */
export function AlertStateMark({ state }: { state: string }) {
  return (
    <span className={classes.root} data-state={state}>
      <span className={classes.dot} />
      {WORDS[state] ?? state}
    </span>
  );
}
