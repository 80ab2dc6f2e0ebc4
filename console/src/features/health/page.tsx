import { Skeleton } from "@mantine/core";
import type { TargetHealth, WorkerRow } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { useSignedIn } from "@/lib/session";
import { useTargets, useWorkers } from "@/lib/workers";
import classes from "./health.module.css";
import { TargetTable } from "./target-table";
import { WorkerTable } from "./worker-table";

export function HealthPage() {
  const { may } = useSignedIn();
  const workers = useWorkers();
  const targets = useTargets();
  if (!may("system:read"))
    return (
      <div className="card">
        <Empty title="Your role may not see the gateway's health." icon="health">
          <p>
            It needs <code>system:read</code>. Ask an admin for a sign-in link with a role that has it.
          </p>
        </Empty>
      </div>
    );
  const failed = [workers, targets].find((one) => one.error && !one.data);
  if (failed) return <Failure error={failed.error} onRetry={() => void failed.refetch()} />;
  if (!workers.data || !targets.data)
    return (
      <div className={classes.page} role="status" aria-label="Loading">
        <Skeleton height={60} />
        <Skeleton height={260} />
      </div>
    );
  if (workers.data.length === 0) return <NoWorkers />;
  return <HealthBody workers={workers.data} targets={targets.data} />;
}

function HealthBody({ workers, targets }: { workers: WorkerRow[]; targets: TargetHealth[] }) {
  return (
    <div className={classes.page}>
      <Summary workers={workers} targets={targets} />
      <section className="card" aria-label="Targets">
        <div className="card-head">
          Targets <span className={classes.hint}>each provider/model, the worst of its workers first</span>
        </div>
        {targets.length === 0 ? (
          <p className={classes.none}>
            No target has been called since the workers started. Each appears with its first call.
          </p>
        ) : (
          <TargetTable targets={targets} />
        )}
      </section>
      <section className="card" aria-label="Workers">
        <div className="card-head">
          Workers{" "}
          <span className={classes.hint}>the gateway's processes, and the configuration each serves</span>
        </div>
        <WorkerTable workers={workers} />
      </section>
    </div>
  );
}

function Summary({ workers, targets }: { workers: readonly WorkerRow[]; targets: readonly TargetHealth[] }) {
  const alive = workers.filter((one) => !one.stale && one.state === "serving");
  const newest = alive.filter((one) => one.newest).length;
  const count = (state: TargetHealth["state"]) => targets.filter((one) => one.state === state).length;
  const lost = alive.some((one) => one.counters === "lost");
  const aside = new Set(targets.flatMap((one) => one.keys_aside)).size;
  const tiles: [label: string, value: string, note: string, bad: boolean][] = [
    ["In service", String(count("closed")), `of ${targets.length} targets`, false],
    ["Out", String(count("open")), "not called until probed", count("open") > 0],
    ["Being probed", String(count("half_open")), "a few calls at a time", false],
    ["Provider keys aside", String(aside), "refused or out of quota", aside > 0],
    [
      "Workers serving",
      String(alive.length),
      `${alive.reduce((sum, one) => sum + one.in_flight, 0)} calls in flight`,
      alive.length === 0,
    ],
    [
      "Newest configuration",
      `${newest} of ${alive.length}`,
      lost ? "limits' counters lost" : "workers serve it",
      newest < alive.length || lost,
    ],
  ];
  return (
    <dl className={`card ${classes.tiles}`}>
      {tiles.map(([label, value, note, bad]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className={bad ? "bad" : undefined}>{value}</dd>
          <dd className={classes.note}>{note}</dd>
        </div>
      ))}
    </dl>
  );
}

function NoWorkers() {
  return (
    <div className="card">
      <Empty title="No gateway worker reports here." icon="health">
        <p>
          Start one with <code>penstock up</code>, or <code>penstock gateway</code> with the console's{" "}
          <code>--home</code>. It appears a second later.
        </p>
      </Empty>
    </div>
  );
}
