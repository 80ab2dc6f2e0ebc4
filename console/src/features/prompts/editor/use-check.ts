/** What the server says about a prompt that is being written, a moment after the last key. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { api, bodyOf } from "@/api/client";
import { ApiProblem } from "@/api/problem";
import type { PromptEstimate, PromptPreview } from "@/api/types";
import type { TemplateFault } from "@/components/prompt/message-card";
import { compactBody, type PromptBody } from "@/lib/prompt-body";
import { useSignedIn } from "@/lib/session";

const PAUSE_MS = 300;

/** A value a moment after its last change. */
export function useSettledValue<Value>(value: Value, pause = PAUSE_MS): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), pause);
    return () => window.clearTimeout(timer);
  }, [value, pause]);
  return settled;
}

export interface PromptCheck {
  estimate: PromptEstimate | undefined;
  /** What is wrong with the prompt, or with a value. */
  fault: TemplateFault | null;
  /** Anything else that went wrong. */
  error: Error | null;
  /** Of exactly this text: it was found right. */
  passed: boolean;
}

export function usePromptCheck(body: PromptBody, values: Record<string, unknown>): PromptCheck {
  const { project } = useSignedIn();
  const text = JSON.stringify([compactBody(body), values]);
  const settled = useSettledValue(text);
  const { data, error, isPlaceholderData, isSuccess } = useQuery({
    queryKey: ["prompt", "estimate", project.id, settled],
    queryFn: async ({ signal }): Promise<PromptEstimate> => {
      const [sent, variables] = JSON.parse(settled) as [Record<string, unknown>, Record<string, unknown>];
      const params = { query: { project: project.id } };
      const asked = { body: sent, variables, version: "latest" };
      return bodyOf(await api.POST("/api/v1/prompts/estimate", { params, body: asked, signal }));
    },
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 30_000,
  });
  const fault = faultOf(error);
  return {
    estimate: data,
    fault,
    error: fault ? null : error,
    passed: settled === text && isSuccess && !isPlaceholderData,
  };
}

/** What it renders to; asked only when every value is there. */
export function usePreview(body: PromptBody, values: Record<string, unknown>, enabled: boolean) {
  const { project } = useSignedIn();
  const settled = useSettledValue(JSON.stringify([compactBody(body), values]));
  return useQuery({
    queryKey: ["prompt", "render", project.id, settled],
    queryFn: async ({ signal }): Promise<PromptPreview> => {
      const [sent, variables] = JSON.parse(settled) as [Record<string, unknown>, Record<string, unknown>];
      const params = { query: { project: project.id } };
      const asked = { body: sent, variables, version: "latest" };
      return bodyOf(await api.POST("/api/v1/prompts/render", { params, body: asked, signal }));
    },
    placeholderData: keepPreviousData,
    enabled,
    retry: false,
    gcTime: 30_000,
  });
}

/** An error that is about a place in the prompt. */
export function faultOf(error: Error | null): TemplateFault | null {
  if (!(error instanceof ApiProblem) || ![400, 422].includes(error.status)) return null;
  const line = /\bline (\d+)/.exec(error.message)?.[1];
  const hint = error.hint ? ` ${error.hint}` : "";
  return { field: error.field ?? "", message: error.message + hint, line: line ? Number(line) : null };
}
