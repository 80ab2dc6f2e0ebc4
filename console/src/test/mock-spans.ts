/** Invented spans: the record behind a row, and a trace with everything in it. */

import type { SpanRecord, TraceRow } from "@/api/types";
import { ANSWERS, QUESTIONS } from "./mock-data";

/** The record of one call, with the text behind its row. */
export function makeSpan(row: TraceRow, extra: Partial<SpanRecord> = {}): SpanRecord {
  const which = Math.max(0, QUESTIONS.indexOf(row.input_preview));
  return {
    project: "0197c000-0000-7000-8000-000000000001",
    trace_id: row.trace_id,
    span_id: row.span_id,
    parent_id: null,
    name: row.name,
    kind: row.kind,
    call: true,
    source: "gateway",
    service: null,
    covered: false,
    started: row.started,
    duration: row.duration,
    ttft: row.ttft,
    status: row.status,
    error_type: row.error_type,
    error_message:
      row.status === "error" ? "The provider answered 429: you exceeded your current rate limit." : null,
    http_status: row.http_status,
    operation: row.operation,
    stream: row.stream,
    route: row.route,
    variant: null,
    change: null,
    provider: row.provider,
    target_model: row.served_model,
    requested_model: row.requested_model,
    served_model: row.served_model,
    prompt_name: null,
    prompt_version: null,
    session: row.session,
    user: row.user,
    key: row.key,
    key_name: row.key_name,
    tags: { environment: "production", team: "support" },
    usage_input: row.usage.input,
    usage_cache_read: row.usage.cache_read,
    usage_cache_write: row.usage.cache_write,
    usage_output: row.usage.output,
    usage_reasoning: row.usage.reasoning,
    usage_input_audio: 0,
    usage_output_audio: 0,
    usage_input_image: 0,
    usage_output_image: 0,
    usage_estimated: row.usage.estimated,
    usage_raw: { prompt_tokens: row.usage.input + row.usage.cache_read, completion_tokens: row.usage.output },
    cost: row.cost,
    price_version: row.cost === null ? null : "genai-prices 0.2.1",
    cache: null,
    saved: null,
    fingerprint: "9f86d081884c7d659a2feaa0c55ad015",
    finish_reasons: ["stop"],
    input: [
      {
        role: "system",
        parts: [{ type: "text", content: "You are the support assistant of a shoe shop. Be brief." }],
      },
      { role: "user", parts: [{ type: "text", content: row.input_preview }] },
    ],
    output:
      row.status === "error"
        ? null
        : [{ role: "assistant", parts: [{ type: "text", content: ANSWERS[which] }], finish_reason: "stop" }],
    input_preview: row.input_preview,
    output_preview: row.output_preview,
    attributes: {
      "gen_ai.request.temperature": 0.2,
      "gen_ai.request.max_tokens": 800,
      "gen_ai.response.id": "chatcmpl-B9x",
    },
    ...extra,
  };
}

/** A conversation with tools, reasoning and an image, as a call with two attempts under an agent. */
export function makeRichTrace(row: TraceRow): SpanRecord[] {
  const id = (digit: string) => digit.repeat(16);
  const usage0 = {
    usage_input: 0,
    usage_cache_read: 0,
    usage_output: 0,
    usage_reasoning: 0,
    cost: null,
    usage_raw: null,
  };
  const input = [
    {
      role: "system",
      parts: [{ type: "text", content: "You plan deliveries. Use the tools; never guess a date." }],
    },
    {
      role: "user",
      parts: [
        {
          type: "text",
          content:
            "When can you deliver the cabinet in this picture to **Graz**?\n\n- two floors up\n- no lift",
        },
        { type: "blob", modality: "image", mime_type: "image/jpeg", size: 184_320 },
      ],
    },
    {
      role: "assistant",
      parts: [
        {
          type: "reasoning",
          content:
            "The cabinet looks like item 4411. I need stock and the route to Graz before I can answer.",
        },
        { type: "tool_call", id: "call_1", name: "stock", arguments: '{"item":"4411","warehouse":"AT-2"}' },
        {
          type: "tool_call",
          id: "call_2",
          name: "routes",
          arguments: { to: "Graz", from: "AT-2", weight_kg: 84.5 },
        },
      ],
    },
    {
      role: "tool",
      parts: [{ type: "tool_call_response", id: "call_1", result: '{"available":3,"next":"2026-07-09"}' }],
    },
    {
      role: "tool",
      parts: [
        { type: "tool_call_response", id: "call_2", result: { days: ["Tue", "Fri"], carrier: "Post" } },
      ],
    },
  ];
  const output = [
    {
      role: "assistant",
      finish_reason: "stop",
      parts: [
        { type: "reasoning", content: "Three are in stock. Tuesday is the first route." },
        {
          type: "text",
          content:
            "Three cabinets are in stock, so **Tuesday** works:\n\n| day | carrier | carried up |\n|---|---|---|\n| Tue | Post | yes |\n| Fri | Post | yes |\n\nShall I book it? <script>alert(1)</script>",
        },
      ],
    },
  ];
  const gatewayId = id("b");
  return [
    makeSpan(row, {
      ...usage0,
      span_id: id("a"),
      kind: "agent",
      name: "agent delivery-planner",
      call: false,
      started: row.started - 240_000,
      duration: row.duration + 420_000,
      operation: "",
      provider: null,
      served_model: null,
      ttft: null,
      input: null,
      output: null,
    }),
    makeSpan(row, {
      ...usage0,
      span_id: id("1"),
      parent_id: id("a"),
      kind: "retriever",
      name: "retrieve delivery-rules",
      call: false,
      started: row.started - 210_000,
      duration: 160_000,
      operation: "",
      provider: null,
      ttft: null,
      input: null,
      output: null,
    }),
    makeSpan(row, {
      ...usage0,
      span_id: gatewayId,
      parent_id: id("a"),
      kind: "gateway",
      name: "chat support",
      input,
      output,
      started: row.started,
      status: "ok",
      error_type: null,
      error_message: null,
      http_status: 200,
    }),
    makeSpan(row, {
      ...usage0,
      span_id: id("c"),
      parent_id: gatewayId,
      call: false,
      name: "attempt openai/gpt-4o-mini",
      status: "error",
      error_type: "overloaded_error",
      error_message: "The provider answered 503: the engine is overloaded.",
      http_status: 503,
      duration: Math.floor(row.duration * 0.2),
      ttft: null,
      input: null,
      output: null,
      attributes: { "penstock.attempt": 1 },
    }),
    makeSpan(row, {
      span_id: id("d"),
      parent_id: gatewayId,
      call: false,
      name: "attempt openai/gpt-4.1",
      status: "ok",
      error_type: null,
      error_message: null,
      started: row.started + Math.floor(row.duration * 0.22),
      duration: Math.floor(row.duration * 0.78),
      usage_cache_write: 220,
      usage_reasoning: 64,
      cost: row.cost ?? 123_000,
      price_version: "genai-prices 0.2.1",
      input: null,
      output: null,
      attributes: { "penstock.attempt": 2 },
    }),
  ];
}
