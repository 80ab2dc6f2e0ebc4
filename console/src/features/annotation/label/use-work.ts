/** Items one after the other: the next is there before the one at hand is done, and one can go back. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { taskQuery, useLabelled } from "../queries";
import type { Task } from "../types";

export interface Work {
  /** Undefined: on its way. Null: nothing waits. */
  task: Task | null | undefined;
  error: Error | null;
  retry: () => void;
  /** How many were labelled since the page was opened. */
  done: number;
  /** How many wait for the reader, the one at hand included. */
  left: number;
  /** 0: the item at hand; else the so manieth that was labelled, from the latest. */
  back: number;
  /** One further back; false: there is none. */
  goBack: () => void;
  goOn: () => void;
  /** The item at hand is labelled, or cannot be. */
  finish: (item: string) => void;
}

export function useWork(queue: string): Work {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const [past, setPast] = useState<readonly string[]>([]);
  const [back, setBack] = useState(0);
  const now = useQuery(taskQuery(project.id, queue, past.at(-1) ?? ""));
  const atHand = now.data === null && now.isFetching ? undefined : now.data;
  useQuery({ ...taskQuery(project.id, queue, atHand?.item ?? ""), enabled: Boolean(atHand) });
  const before = useLabelled(queue, past.length, back > 0);
  const left = atHand?.left ?? 0;
  const common = { done: past.length, left, back };
  const finish = (item: string) => {
    if (back > 0) {
      setBack(0);
      return;
    }
    const { queryKey } = taskQuery(project.id, queue, item);
    const ready = client.getQueryData(queryKey);
    // Nothing waited when it was asked; or its lease has ended, and somebody else may have it.
    if (!ready || ready.until <= nowMicroseconds()) void client.invalidateQueries({ queryKey });
    setPast([...past, item]);
  };
  const goBack = () => {
    if (back === 0 || (before.data && back < before.data.length)) setBack(back + 1);
  };
  const goOn = () => setBack(Math.max(0, back - 1));
  const acts = { ...common, finish, goBack, goOn };
  if (back === 0)
    return { ...acts, task: atHand, error: atHand ? null : now.error, retry: () => void now.refetch() };
  const task = before.data === undefined ? undefined : (before.data[back - 1] ?? null);
  return { ...acts, task, error: before.data ? null : before.error, retry: () => void before.refetch() };
}
