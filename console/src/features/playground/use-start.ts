/** What an address begins with: stored versions, or a recorded call. */

import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { toAddress, versionQuery } from "@/lib/artifacts";
import type { PromptBody, PromptVariable } from "@/lib/prompt-body";
import { useSignedIn } from "@/lib/session";
import { mainSpan } from "@/lib/span-tree";
import { type Draft, draftOf, newId, type Variant } from "./draft";
import { canReplay, variantOfSpan } from "./replay";
import type { PlaygroundSearch } from "./search";

/** Undefined where the address names nothing to begin with. */
export function useStart(search: PlaygroundSearch, model: string) {
  const { project } = useSignedIn();
  const { prompt, trace, span } = search;
  return useQuery({
    queryKey: ["playground", "start", project.id, search],
    queryFn: async ({ signal }): Promise<Draft> => {
      if (trace) return draftOf([await ofTrace(project.id, trace, span, signal)]);
      const made = (prompt ?? []).map(async (reference, index) => {
        const variant = await variantOf(project.id, reference, signal);
        return { ...variant, model: search.model?.[index] ?? (variant.model || model) };
      });
      return draftOf(await Promise.all(made));
    },
    enabled: Boolean(trace || prompt?.length),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
}

/** A stored version as a variant, with the variables of its partials. */
export async function variantOf(project: string, reference: string, signal: AbortSignal): Promise<Variant> {
  const [name = "", selector = "latest"] = reference.split(/@(.*)/s);
  const stored = await versionQuery(project, { kind: "prompt", name }, selector).queryFn({ signal });
  const body = stored.body as PromptBody;
  const inherited = body.partials ? await inheritedOf(project, name, stored.number, signal) : {};
  const origin = { name, version: stored.number, body };
  return { id: newId(), model: body.model ?? "", body, origin, inherited };
}

async function inheritedOf(project: string, name: string, version: number, signal: AbortSignal) {
  const params = { path: { name: toAddress(name) }, query: { project, version: String(version) } };
  const { compiled } = bodyOf(await api.GET("/api/v1/prompts/{name}", { params, signal }));
  return (compiled.prompt as PromptBody).variables ?? ({} as Record<string, PromptVariable>);
}

async function ofTrace(
  project: string,
  trace: string,
  span: string | undefined,
  signal: AbortSignal,
): Promise<Variant> {
  const found = span ?? (await firstSpan(project, trace, signal));
  const params = { path: { trace_id: trace, span_id: found }, query: { project } };
  const record = bodyOf(await api.GET("/api/v1/traces/{trace_id}/spans/{span_id}", { params, signal }));
  return variantOfSpan(record);
}

async function firstSpan(project: string, trace: string, signal: AbortSignal): Promise<string> {
  const params = { path: { trace_id: trace }, query: { project } };
  const { spans } = bodyOf(await api.GET("/api/v1/traces/{trace_id}", { params, signal }));
  const main = spans.find((one) => canReplay(one)) ?? mainSpan(spans);
  return main?.span_id ?? "";
}
