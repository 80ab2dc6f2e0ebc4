import type { Difference } from "@/api/types";
import { toText } from "@/lib/definition-text";
import classes from "./definition.module.css";

const MARKS = { added: "+", removed: "−", changed: "~" } as const;

/** What would change, or has changed, one value after another. */
export function Differences({ differences }: { differences: readonly Difference[] }) {
  return (
    <ul className={classes.differences}>
      {differences.map((one) => (
        <li key={one.path} data-change={one.change}>
          <span className={classes.mark} title={one.change}>
            {MARKS[one.change]}
          </span>
          <span className={classes.path}>{one.path}</span>
          {one.change !== "added" && <Value value={one.before} side="before" />}
          {one.change !== "removed" && <Value value={one.after} side="after" />}
        </li>
      ))}
    </ul>
  );
}

function Value({ value, side }: { value: unknown; side: "before" | "after" }) {
  const text = toText(value).trimEnd();
  const Tag = side === "before" ? "del" : "ins";
  return <Tag className={classes.value}>{text}</Tag>;
}
