/** A large trace comes column by column; pages read spans. */

import type { SpanRecord, TraceOutline } from "@/api/types";

type Column<Value> = Value[] | undefined;

/** How to read a column: what all spans share stands there once, what a span has anyway not at all. */
function reader<Value>(column: Column<Value>, usual: Value): (at: number) => Value {
  if (!column?.length) return () => usual;
  const [first] = column;
  if (column.length === 1) return () => first as Value;
  return (at) => column[at] as Value;
}

/** The spans in order of start, without what is fetched for one span at a time. */
export function spansOfOutline(project: string, traceId: string, outline: TraceOutline): SpanRecord[] {
  const name = reader(outline.name, "");
  const kind = reader(outline.kind, "span");
  const call = reader(outline.call, false);
  const covered = reader(outline.covered, false);
  const source = reader(outline.source, "gateway");
  const service = reader(outline.service, null);
  const duration = reader(outline.duration, 0);
  const ttft = reader(outline.ttft, null);
  const status = reader(outline.status, "ok");
  const errorType = reader(outline.error_type, null);
  const operation = reader(outline.operation, "");
  const route = reader(outline.route, null);
  const variant = reader(outline.variant, null);
  const provider = reader(outline.provider, null);
  const targetModel = reader(outline.target_model, null);
  const requestedModel = reader(outline.requested_model, null);
  const servedModel = reader(outline.served_model, null);
  const session = reader(outline.session, null);
  const user = reader(outline.user, null);
  const cache = reader(outline.cache, null);
  const saved = reader(outline.saved, null);
  const cost = reader(outline.cost, null);
  const estimated = reader(outline.usage_estimated, false);
  const input = reader(outline.usage_input, 0);
  const cacheRead = reader(outline.usage_cache_read, 0);
  const cacheWrite = reader(outline.usage_cache_write, 0);
  const output = reader(outline.usage_output, 0);
  const reasoning = reader(outline.usage_reasoning, 0);
  const inputAudio = reader(outline.usage_input_audio, 0);
  const outputAudio = reader(outline.usage_output_audio, 0);
  const inputImage = reader(outline.usage_input_image, 0);
  const outputImage = reader(outline.usage_output_image, 0);
  const noTags = {};
  const noReasons: string[] = [];
  return outline.span_id.map((id, at): SpanRecord => {
    const parent = outline.parent[at] ?? -1;
    return {
      project,
      trace_id: traceId,
      span_id: id,
      parent_id: outline.span_id[parent] ?? null,
      name: name(at),
      kind: kind(at),
      call: call(at),
      source: source(at),
      service: service(at),
      covered: covered(at),
      started: outline.start + (outline.started[at] ?? 0),
      duration: duration(at),
      ttft: ttft(at),
      status: status(at),
      error_type: errorType(at),
      error_message: null,
      http_status: null,
      operation: operation(at),
      stream: false,
      route: route(at),
      variant: variant(at),
      change: null,
      provider: provider(at),
      target_model: targetModel(at),
      requested_model: requestedModel(at),
      served_model: servedModel(at),
      prompt_name: null,
      prompt_version: null,
      session: session(at),
      user: user(at),
      key: null,
      key_name: null,
      tags: noTags,
      usage_input: input(at),
      usage_cache_read: cacheRead(at),
      usage_cache_write: cacheWrite(at),
      usage_output: output(at),
      usage_reasoning: reasoning(at),
      usage_input_audio: inputAudio(at),
      usage_output_audio: outputAudio(at),
      usage_input_image: inputImage(at),
      usage_output_image: outputImage(at),
      usage_estimated: estimated(at),
      usage_raw: null,
      cost: cost(at),
      price_version: null,
      cache: cache(at),
      saved: saved(at),
      fingerprint: null,
      finish_reasons: noReasons,
      input: null,
      output: null,
      attributes: null,
      input_preview: "",
      output_preview: "",
    };
  });
}
