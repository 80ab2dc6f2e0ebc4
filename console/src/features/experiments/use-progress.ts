/** How far an experiment is, told by the console while it runs; where no stream comes through, the page asks. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useSignedIn } from "@/lib/session";
import type { Counts, Experiment, ExperimentState } from "./types";
import { isActive } from "./words";

const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 30_000;

/** What `GET /experiments/{id}/progress` sends. */
export interface ProgressEvent {
  state: ExperimentState;
  reason: string | null;
  counts: Counts;
  runner: string | null;
  lease: number | null;
  started: number | null;
  finished: number | null;
  /** Answers a second; null: not known yet. */
  rate: number | null;
  /** Seconds; null: not known. */
  left: number | null;
  /** Nano-dollars of the whole, were the rest as dear; null: not known. */
  cost_expected: number | null;
}

interface Listener {
  onProgress: (event: ProgressEvent) => void;
  /** Whether events come: while they do not, somebody else must ask. */
  onLive: (live: boolean) => void;
}

/** Connects until `close()` is called or the run has ended. The browser itself says what it saw last. */
export function openProgress(url: string, { onProgress, onLive }: Listener): { close: () => void } {
  let wait = FIRST_RETRY_MS;
  let source: EventSource | null = null;
  let retry: number | undefined;
  const read = (event: Event) => JSON.parse((event as MessageEvent<string>).data) as ProgressEvent;
  const connect = () => {
    const opened = new EventSource(url);
    source = opened;
    opened.addEventListener("progress", (event) => {
      wait = FIRST_RETRY_MS;
      onLive(true);
      onProgress(read(event));
    });
    opened.addEventListener("end", (event) => {
      opened.close();
      onProgress(read(event));
      onLive(false);
    });
    opened.onerror = () => {
      onLive(false);
      // Cut off, the browser comes back by itself; refused, it does not.
      if (opened.readyState !== EventSource.CLOSED) return;
      retry = window.setTimeout(connect, wait);
      wait = Math.min(wait * 2, LAST_RETRY_MS);
    };
  };
  connect();
  return {
    close: () => {
      window.clearTimeout(retry);
      source?.close();
    },
  };
}

export interface Told {
  live: boolean;
  event: ProgressEvent | null;
}

const NOTHING_YET: Told = { live: false, event: null };

/** Listens while it runs, and keeps what is known of the experiment as new as what it hears. */
export function useProgress(id: string, state: ExperimentState | undefined): Told {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const [told, setTold] = useState<Told>(NOTHING_YET);
  const active = state !== undefined && isActive(state);
  const projectId = project.id;
  useEffect(() => {
    if (!active) return;
    const key = ["experiment", projectId, id];
    const stream = openProgress(
      `/api/v1/experiments/${encodeURIComponent(id)}/progress?project=${encodeURIComponent(projectId)}`,
      {
        onLive: (live) => setTold((before) => (before.live === live ? before : { ...before, live })),
        onProgress: (event) => {
          setTold({ live: true, event });
          const { rate: _, left: __, cost_expected: ___, ...known } = event;
          client.setQueryData<Experiment>(key, (before) => before && { ...before, ...known });
        },
      },
    );
    return () => {
      stream.close();
      setTold(NOTHING_YET);
    };
  }, [active, client, id, projectId]);
  return told;
}
