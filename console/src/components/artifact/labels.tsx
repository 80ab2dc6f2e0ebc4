import { Tooltip } from "@mantine/core";
import type { ArtifactLabel } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import classes from "./artifact.module.css";

/** Labels with the version they stand at. */
export function LabelMarks({ labels, short }: { labels: readonly ArtifactLabel[]; short?: boolean }) {
  return (
    <span className={classes.marks}>
      {labels.map((label) => (
        <Tooltip
          key={label.name}
          label={`at version ${label.version}, moved ${formatAgo(label.moved, nowMicroseconds())} by ${label.moved_by}`}
        >
          <span className={classes.label} data-protected={label.protected || undefined}>
            {label.name}
            {!short && <b>{label.version}</b>}
          </span>
        </Tooltip>
      ))}
    </span>
  );
}

/** Names of labels that stand at one version. */
export function LabelNames({ names }: { names: readonly string[] }) {
  return (
    <span className={classes.marks}>
      {names.map((name) => (
        <span key={name} className={classes.label}>
          {name}
        </span>
      ))}
    </span>
  );
}
