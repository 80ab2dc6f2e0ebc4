import { Button, Select, Skeleton } from "@mantine/core";
import { useState } from "react";
import type { Artifact, VersionRow } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { type ArtifactPlace, useVersions } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./artifact.module.css";
import { BranchBox } from "./branches";
import { LabelNames } from "./labels";
import { MoveLabelDialog } from "./move-label-dialog";

interface VersionTabProps {
  place: ArtifactPlace;
  artifact: Artifact;
  /** Shows a version where it is edited. */
  onOpen: (version: number) => void;
  onCompare: (from: number, to: number) => void;
}

/** All versions, the newest first, with what stands at them. */
export function VersionTab({ place, artifact, onOpen, onCompare }: VersionTabProps) {
  const [branch, setBranch] = useState<string | null>(null);
  const [labelling, setLabelling] = useState<number | null>(null);
  const list = useVersions(place, branch ?? undefined);
  const versions = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <div className={classes.page}>
      <section className="card" aria-label="Versions">
        <div className="card-head">
          Versions
          <span className={classes.push} />
          {artifact.branches.length > 1 && (
            <Select
              size="xs"
              w={170}
              aria-label="Branch"
              placeholder="All branches"
              clearable
              data={artifact.branches.map((one) => one.name)}
              value={branch}
              onChange={setBranch}
            />
          )}
        </div>
        {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
        {!list.data && !list.error && (
          <Skeleton height={140} m={12} role="status" aria-label="Loading the versions" />
        )}
        {list.data && versions.length === 0 && (
          <Empty title="There is no version yet." icon="clock">
            <p>Save one under Edit.</p>
          </Empty>
        )}
        <ol className={classes.versions}>
          {versions.map((one) => (
            <VersionItem
              key={one.number}
              version={one}
              kind={place.kind}
              onOpen={onOpen}
              onCompare={onCompare}
              onLabel={() => setLabelling(one.number)}
            />
          ))}
        </ol>
        {list.hasNextPage && (
          <Button
            size="xs"
            variant="default"
            m={10}
            loading={list.isFetchingNextPage}
            onClick={() => void list.fetchNextPage()}
          >
            Show older versions
          </Button>
        )}
      </section>
      <BranchBox place={place} artifact={artifact} />
      {labelling !== null && (
        <MoveLabelDialog
          place={place}
          artifact={artifact}
          version={labelling}
          onClose={() => setLabelling(null)}
        />
      )}
    </div>
  );
}

interface VersionItemProps extends Pick<VersionTabProps, "onOpen" | "onCompare"> {
  version: VersionRow;
  kind: string;
  onLabel: () => void;
}

function VersionItem({ version, kind, onOpen, onCompare, onLabel }: VersionItemProps) {
  const { may } = useSignedIn();
  const { number, parent, merged } = version;
  const mover = may(`${kind}s:write`) || may(`${kind}s:promote`);
  return (
    <li>
      <span className={classes.number}>{number}</span>
      <div>
        <div className={classes.said}>
          <span>{version.message || <span className="faint">no message</span>}</span>
          <LabelNames names={version.labels} />
        </div>
        <div className={`${classes.said} dim`}>
          <span>{version.created_by}</span>
          <time title={formatTime(version.created)}>{formatAgo(version.created, nowMicroseconds())}</time>
          {version.branch !== "main" && <span>on {version.branch}</span>}
          {merged !== null && <span>merged version {merged}</span>}
          <code className="faint" title={version.digest}>
            {version.digest.slice(0, 8)}
          </code>
        </div>
      </div>
      <div className={classes.acts}>
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Open version ${number}`}
          onClick={() => onOpen(number)}
        >
          Open
        </Button>
        {parent !== null && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Compare version ${number} with ${parent}`}
            onClick={() => onCompare(parent, number)}
          >
            Compare with {parent}
          </Button>
        )}
        {mover && (
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Label version ${number}`}
            onClick={onLabel}
          >
            Label
          </Button>
        )}
      </div>
    </li>
  );
}
