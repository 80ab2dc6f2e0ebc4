/** Runs variants, and keeps what comes of each while it comes. */

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { api } from "@/api/client";
import type { PlaygroundRun } from "@/api/types";
import { explain } from "@/components/failure";
import { useSignedIn } from "@/lib/session";
import { readEvents } from "@/lib/sse";

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export interface Run {
  state: "running" | "done" | "failed" | "stopped";
  traceId: string | null;
  /** As they were sent. */
  messages: Record<string, unknown>[];
  text: string;
  reasoning: string;
  tools: ToolCall[];
  model: string | null;
  finishReason: string | null;
  usage: { prompt_tokens?: number; completion_tokens?: number } & Record<string, unknown>;
  /** Microseconds. */
  ttft: number | null;
  duration: number | null;
  /** Nano-dollars; undefined until the call is recorded, null when it is not known. */
  cost: number | null | undefined;
  failure: { title: string; hint: string | null } | null;
}

const BEGUN: Run = {
  state: "running",
  traceId: null,
  messages: [],
  text: "",
  reasoning: "",
  tools: [],
  model: null,
  finishReason: null,
  usage: {},
  ttft: null,
  duration: null,
  cost: undefined,
  failure: null,
};

export interface Runs {
  of: (id: string) => Run | undefined;
  start: (id: string, run: PlaygroundRun) => void;
  stop: (id: string) => void;
  running: boolean;
}

export function useRuns(): Runs {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const [runs, setRuns] = useState<Readonly<Record<string, Run>>>({});
  const stops = useRef(new Map<string, AbortController>());
  // Whoever leaves the page stops what runs.
  useEffect(() => {
    const held = stops.current;
    return () => {
      for (const stop of held.values()) stop.abort();
    };
  }, []);
  const start = (id: string, body: PlaygroundRun) => {
    stops.current.get(id)?.abort();
    const stop = new AbortController();
    stops.current.set(id, stop);
    const change = (next: (run: Run) => Run) => {
      if (stops.current.get(id) === stop) setRuns((all) => ({ ...all, [id]: next(all[id] ?? BEGUN) }));
    };
    change(() => BEGUN);
    void ask(project.id, body, stop.signal, change).finally(() => {
      change((run) => (run.state === "running" ? { ...run, state: "stopped" } : run));
      void client.invalidateQueries({ queryKey: ["playground", "history"] });
    });
  };
  return {
    of: (id) => runs[id],
    start,
    stop: (id) => stops.current.get(id)?.abort(),
    running: Object.values(runs).some((run) => run.state === "running"),
  };
}

type Change = (next: (run: Run) => Run) => void;

async function ask(project: string, body: PlaygroundRun, signal: AbortSignal, change: Change): Promise<void> {
  try {
    const params = { query: { project } };
    const { data } = await api.POST("/api/v1/playground/runs", { params, body, signal, parseAs: "stream" });
    if (!data) return;
    for await (const { event, data: text } of readEvents(data as ReadableStream<Uint8Array>)) {
      const said = JSON.parse(text) as Record<string, unknown>;
      change((run) => after(run, event, said));
      if (signal.aborted) return;
    }
    change((run) => (run.state === "running" ? cut(run) : run));
  } catch (error) {
    if (signal.aborted) return;
    const { title, hint } = explain(error);
    change((run) => ({ ...run, state: "failed", failure: { title, hint } }));
  }
}

function cut(run: Run): Run {
  return { ...run, state: "failed", failure: { title: "The answer broke off before its end.", hint: null } };
}

/** The run after one more event. */
export function after(run: Run, event: string, said: Record<string, unknown>): Run {
  switch (event) {
    case "started":
      return { ...run, traceId: String(said.trace_id), messages: said.messages as Run["messages"] };
    case "delta":
      return said.reasoning
        ? { ...run, reasoning: run.reasoning + String(said.text) }
        : { ...run, text: run.text + String(said.text) };
    case "tool_call":
      return { ...run, tools: [...run.tools, said as unknown as ToolCall] };
    case "answered":
      return {
        ...run,
        state: "done",
        model: said.model as string | null,
        finishReason: said.finish_reason as string | null,
        usage: said.usage as Run["usage"],
        ttft: said.ttft as number | null,
        duration: said.duration as number,
      };
    case "costed":
      return { ...run, cost: said.cost as number | null };
    case "failed":
      return {
        ...run,
        state: "failed",
        failure: {
          title: String(said.message),
          hint: said.status ? `${said.status} ${said.code}` : String(said.code),
        },
      };
    default:
      return run;
  }
}
