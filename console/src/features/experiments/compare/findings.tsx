import { Icon } from "@/components/icons";
import type { Finding } from "../types";
import classes from "./compare.module.css";

/** What the evaluators said of an answer, each with its reason. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  if (findings.length === 0) return null;
  return (
    <ul className={classes.findings} aria-label="Judgements">
      {findings.map((one) => (
        <li key={one.name}>
          <span>{one.name}</span> <Value finding={one} />
          {(one.error || one.reason) && <div className="dim">{one.error ?? one.reason}</div>}
        </li>
      ))}
    </ul>
  );
}

function Value({ finding: { value, error } }: { finding: Finding }) {
  if (error) return <span className="warn">unscored</span>;
  if (typeof value === "boolean")
    return (
      <b className={value ? "good" : "bad"}>
        <Icon name={value ? "check" : "close"} size={11} /> {value ? "yes" : "no"}
      </b>
    );
  if (typeof value === "number") return <b>{Number.isInteger(value) ? value : value.toPrecision(3)}</b>;
  return <b>{value ?? "none"}</b>;
}
