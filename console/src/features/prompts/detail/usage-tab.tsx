import { Skeleton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Artifact } from "@/api/types";
import classes from "@/components/artifact/artifact.module.css";
import { LineageBox } from "@/components/artifact/lineage";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import type { ArtifactPlace } from "@/lib/artifacts";
import { formatCompact, formatDuration, formatMoneyShort, formatPercent, NOTHING } from "@/lib/format";
import { termOf } from "@/lib/query-text";
import { useSignedIn } from "@/lib/session";
import { ServedBy } from "./served-by";
import styles from "./usage.module.css";
import { usePromptUse, type VersionUse } from "./use-usage";

interface UsageTabProps {
  place: ArtifactPlace;
  artifact: Artifact;
  version: string;
}

/** Who uses the prompt, and how its versions fare. */
export function UsageTab({ place, artifact, version }: UsageTabProps) {
  const { may } = useSignedIn();
  return (
    <div className={classes.page}>
      {may("traces:read") && <Measured name={place.name} artifact={artifact} />}
      <ServedBy name={place.name} />
      {artifact.head !== null && <LineageBox place={place} artifact={artifact} version={version} />}
    </div>
  );
}

function Measured({ name, artifact }: { name: string; artifact: Artifact }) {
  const { versions, scoreNames, error, retry } = usePromptUse(name);
  return (
    <section className="card" aria-label="Calls by version">
      <div className="card-head">
        Calls by version
        <span className={classes.push} />
        <Link to="/traces" search={{ q: termOf("prompt", name) }} style={{ fontWeight: 400 }}>
          All calls
        </Link>
      </div>
      {error && !versions && <Failure error={error} onRetry={retry} />}
      {!versions && !error && <Skeleton height={90} m={12} role="status" aria-label="Loading" />}
      {versions?.length === 0 && (
        <Empty title="No calls in this time range." icon="traces">
          <p>
            Name it in a route's variant as <code>prompt: {name}@production</code>, or fetch it with the SDK:{" "}
            <code>penstock.prompt("{name}")</code>.
          </p>
        </Empty>
      )}
      {versions && versions.length > 0 && (
        <div className={styles.scroll}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">Version</th>
                <th scope="col">Calls</th>
                <th scope="col">Errors</th>
                <th scope="col">p50</th>
                <th scope="col">p95</th>
                <th scope="col">Cost per call</th>
                {scoreNames.map((score) => (
                  <th key={score} scope="col" title="The mean of what was given">
                    {score}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {versions.map((use) => (
                <UseRow key={use.version} name={name} use={use} artifact={artifact} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function UseRow({ name, use, artifact }: { name: string; use: VersionUse; artifact: Artifact }) {
  const labels = artifact.labels.filter((label) => String(label.version) === use.version);
  const q = `${termOf("prompt", name)} ${termOf("prompt_version", use.version)}`;
  return (
    <tr>
      <td>
        <Link to="/traces" search={{ q }} title="These calls">
          {use.version}
        </Link>{" "}
        <span className="dim">{labels.map((label) => label.name).join(", ")}</span>
      </td>
      <td>{formatCompact(use.calls)}</td>
      <td className={use.errors ? "bad" : "faint"}>{formatPercent(use.errors)}</td>
      <td>{formatDuration(use.p50)}</td>
      <td>{formatDuration(use.p95)}</td>
      <td>{use.cost === null ? <span className="faint">unknown</span> : formatMoneyShort(use.cost)}</td>
      {use.scores.map((score, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: scores stand in the order of their names.
        <td key={index}>{score === null ? <span className="faint">{NOTHING}</span> : score.toFixed(3)}</td>
      ))}
    </tr>
  );
}
