/** Invented calls for development and tests, the same for the same seed. */

import type { SpanRecord, TraceRow } from "@/api/types";

/** A small seeded generator (mulberry32), so that every run draws the same. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const MODELS = [
  { provider: "openai", model: "gpt-4o-mini", operation: "chat", input: 150, output: 600, route: "support" },
  { provider: "openai", model: "gpt-4.1", operation: "responses", input: 2000, output: 8000, route: null },
  {
    provider: "anthropic",
    model: "claude-sonnet-4-5",
    operation: "messages",
    input: 3000,
    output: 15000,
    route: "writer",
  },
  { provider: "gemini", model: "gemini-2.5-flash", operation: "chat", input: 300, output: 2500, route: null },
  {
    provider: "local",
    model: "qwen3-32b-instruct-awq",
    operation: "chat",
    input: null,
    output: null,
    route: null,
  },
  {
    provider: "openai",
    model: "text-embedding-3-small",
    operation: "embeddings",
    input: 20,
    output: 0,
    route: "index",
  },
] as const;

export const KEYS = [
  { id: "0197c001-0000-7000-8000-000000000001", name: "support-bot" },
  { id: "0197c001-0000-7000-8000-000000000002", name: "nightly-eval" },
  { id: "0197c001-0000-7000-8000-000000000003", name: "ada-laptop" },
];

const QUESTIONS = [
  "How do I return a pair of shoes that I bought last month?",
  "Summarise the incident report in three sentences for the status page.",
  "Translate this paragraph to German, keep the product names as they are.",
  "A farmer has 17 sheep and buys 12 more. How many pens of 6 does she need?",
  "Write a SQL query that lists customers without an order in 90 days.",
  "What does error E_TIMEOUT_GAP mean, and what should I check first?",
];
const ANSWERS = [
  "You can return them within 60 days. Open **Orders**, choose the pair and press *Return*; we mail a label.",
  "At 09:14 UTC a configuration change sent traffic to a pool without capacity. It was rolled back at 09:31.",
  "Die Anlage läuft mit Penstock 2 und meldet jede Störung sofort an die Leitstelle.",
  "She has 17 + 12 = 29 sheep. 29 / 6 is 4.83, so she needs **5 pens**.",
  "```sql\nselect c.id, c.name\nfrom customers c\nleft join orders o on o.customer = c.id and o.placed > now() - interval '90 days'\nwhere o.id is null\n```",
  "No byte came for longer than `timeouts.gap`. Check the provider's status, then the network between.",
];

function pick<Item>(items: readonly Item[], draw: () => number): Item {
  const item = items[Math.floor(draw() * items.length)];
  if (item === undefined) throw new Error("Nothing to pick from.");
  return item;
}

function hex(draw: () => number, digits: number): string {
  let text = "";
  while (text.length < digits)
    text += Math.floor(draw() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return text.slice(0, digits);
}

export function makeRow(seed: number, started: number): TraceRow {
  const draw = random(seed);
  const spec = pick(MODELS, draw);
  const which = Math.floor(draw() * QUESTIONS.length);
  const key = pick(KEYS, draw);
  const failed = draw() < 0.05;
  const cutOff = !failed && draw() < 0.02;
  const stream = spec.operation !== "embeddings" && draw() < 0.6;
  const input = 20 + Math.floor(draw() ** 3 * 4000);
  const cached = draw() < 0.3 ? Math.floor(input * 0.6) : 0;
  const output = failed || spec.operation === "embeddings" ? 0 : 15 + Math.floor(draw() ** 2 * 900);
  const reasoning = spec.model === "gemini-2.5-flash" ? Math.floor(output * 1.5) : 0;
  const duration = Math.floor(180_000 + draw() ** 4 * 9_000_000 + output * 9_000);
  const cost =
    spec.input === null
      ? null
      : (input - cached) * spec.input +
        cached * Math.floor(spec.input / 10) +
        (output + reasoning) * spec.output;
  return {
    trace_id: hex(draw, 32),
    span_id: hex(draw, 16),
    name: `${spec.operation} ${spec.model}`,
    kind: spec.operation === "embeddings" ? "embedding" : "llm",
    started,
    duration,
    ttft: stream && !failed ? Math.floor(120_000 + draw() ** 2 * 700_000) : null,
    status: failed ? "error" : cutOff ? "interrupted" : "ok",
    error_type: failed
      ? pick(["rate_limit_error", "upstream_timeout_first_byte", "overloaded_error"], draw)
      : null,
    http_status: failed ? pick([429, 504, 529], draw) : 200,
    operation: spec.operation,
    stream,
    route: spec.route,
    provider: spec.provider,
    requested_model: spec.route ?? `${spec.provider}/${spec.model}`,
    served_model: spec.model,
    session: draw() < 0.5 ? `conversation-${Math.floor(draw() * 90)}` : null,
    user: draw() < 0.6 ? hex(draw, 16) : null,
    key: key.id,
    key_name: key.name,
    usage: {
      input: input - cached,
      cache_read: cached,
      cache_write: 0,
      output,
      reasoning,
      total: input + output + reasoning,
      estimated: draw() < 0.03,
    },
    cost: failed && cost !== null ? 0 : cost,
    input_preview: QUESTIONS[which] ?? "",
    output_preview: failed ? "" : (ANSWERS[which] ?? "").replace(/[*`]/g, "").slice(0, 200),
  };
}

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
