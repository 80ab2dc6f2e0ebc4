/** What is wrong with a version before it is measured on: duplicates, gaps, leaks, traffic it does not stand for. */

import { Button, Checkbox, Loader } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import type { Artifact } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useAddress } from "@/lib/address";
import { toAddress } from "@/lib/artifacts";
import { nowMicroseconds } from "@/lib/clock";
import { formatCount } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import type { CheckRun } from "../types";
import { Report } from "./check-report";

const POLL_MS = 500;

interface ChecksProps {
  dataset: Artifact;
  version: string | undefined;
  /** Shows a row. */
  onRow: (id: string) => void;
}

export function ChecksTab({ dataset, version, onRow }: ChecksProps) {
  const { project, may } = useSignedIn();
  const { range } = useAddress();
  const [coverage, setCoverage] = useState(may("traces:read"));
  const start = useMutation({
    mutationFn: async () => {
      const params = { path: { name: toAddress(dataset.name) }, query: { project: project.id } };
      const traffic = {
        q: "",
        of: "calls" as const,
        sample: 2000,
        near: 0.5,
        ...windowOf(range, nowMicroseconds()),
      };
      const body = { version: version ?? "latest", similar: 0.8, coverage: coverage ? traffic : null };
      return bodyOf(await api.POST("/api/v1/datasets/{name}/checks", { params, body }));
    },
  });
  const id = start.data?.id ?? null;
  const { data: run, error } = useQuery({
    queryKey: ["dataset-check", project.id, id],
    queryFn: async ({ signal }): Promise<CheckRun> => {
      const params = { path: { id: id ?? "" }, query: { project: project.id } };
      const answer = await api.GET("/api/v1/datasets/checks/{id}", { params, signal });
      // The client forgets that a pair of splits has two ends.
      return bodyOf(answer) as CheckRun;
    },
    enabled: id !== null,
    refetchInterval: ({ state }) =>
      state.data && ["done", "failed"].includes(state.data.state) ? false : POLL_MS,
  });
  const running = id !== null && !error && run?.state !== "done" && run?.state !== "failed";
  return (
    <div className={watch.page}>
      <div className={watch.bar}>
        <Button
          size="xs"
          loading={start.isPending}
          disabled={running || dataset.head === null}
          onClick={() => start.mutate()}
        >
          Check {version ? `version ${version}` : "the newest version"}
        </Button>
        <Checkbox
          size="xs"
          label="Compare with the traffic of the time range"
          disabled={!may("traces:read")}
          title={may("traces:read") ? undefined : "Your role lacks traces:read."}
          checked={coverage}
          onChange={(event) => setCoverage(event.currentTarget.checked)}
        />
        {running && (
          <span role="status" className="dim">
            <Loader size={12} /> {formatCount(run?.rows ?? 0)} rows looked at
          </span>
        )}
      </div>
      {(start.error ?? error) && <Failure error={start.error ?? error} />}
      {run?.state === "failed" && (
        <p className="bad" role="alert">
          {run.error} {run.hint}
        </p>
      )}
      {run?.report ? (
        <Report report={run.report} onRow={onRow} />
      ) : (
        !running && (
          <div className="card">
            <Empty title="Not checked here yet." icon="datasets">
              <p>
                Rows that ask the same, gaps, labels out of balance, the same question in two splits, and
                questions of production that no row stands for.
              </p>
            </Empty>
          </div>
        )
      )}
    </div>
  );
}
