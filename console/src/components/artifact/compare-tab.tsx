import { Select, Skeleton } from "@mantine/core";
import type { Artifact } from "@/api/types";
import { Failure } from "@/components/failure";
import { type ArtifactPlace, useComparison } from "@/lib/artifacts";
import classes from "./artifact.module.css";
import { ArtifactDifferences } from "./differences";

interface CompareTabProps {
  place: ArtifactPlace;
  artifact: Artifact;
  /** Numbers or labels; the newest and the one before it where none is named. */
  from: string | undefined;
  to: string | undefined;
  onChange: (next: { from: string | undefined; to: string | undefined }) => void;
}

/** What differs between any two versions. */
export function CompareTab({ place, artifact, from, to, onChange }: CompareTabProps) {
  const { data, error, refetch } = useComparison(place, from, to ?? "latest");
  const choices = choicesOf(artifact);
  const before = from ?? (data ? String(data.before.number) : null);
  return (
    <section className="card" aria-label="Comparison">
      <div className={classes.choose}>
        <Select
          size="xs"
          w={190}
          searchable
          aria-label="Before"
          data={choices}
          value={before}
          onChange={(value) => onChange({ from: value ?? undefined, to })}
        />
        <span className="dim">→</span>
        <Select
          size="xs"
          w={190}
          searchable
          aria-label="After"
          data={choices}
          value={to ?? "latest"}
          onChange={(value) => onChange({ from, to: value ?? undefined })}
        />
        {data && (
          <span className="dim">
            {data.differences.length} {data.differences.length === 1 ? "difference" : "differences"}
          </span>
        )}
      </div>
      <div className={classes.review}>
        {error && <Failure error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Skeleton height={160} role="status" aria-label="Comparing" />}
        {data && <ArtifactDifferences differences={data.differences} />}
      </div>
    </section>
  );
}

/** Labels first, then numbers, the newest first. */
function choicesOf(artifact: Artifact) {
  const named = artifact.labels.map((label) => ({
    value: label.name,
    label: `${label.name} (${label.version})`,
  }));
  const numbers = Array.from({ length: artifact.versions }, (_, index) => String(artifact.versions - index));
  return [
    { group: "Labels", items: [{ value: "latest", label: "latest" }, ...named] },
    { group: "Versions", items: numbers },
  ];
}
