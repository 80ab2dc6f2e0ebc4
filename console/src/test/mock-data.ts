/** Invented calls for development and tests, the same for the same seed. */

import type { TraceRow } from "@/api/types";

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

export const QUESTIONS = [
  "How do I return a pair of shoes that I bought last month?",
  "Summarise the incident report in three sentences for the status page.",
  "Translate this paragraph to German, keep the product names as they are.",
  "A farmer has 17 sheep and buys 12 more. How many pens of 6 does she need?",
  "Write a SQL query that lists customers without an order in 90 days.",
  "What does error E_TIMEOUT_GAP mean, and what should I check first?",
];
export const ANSWERS = [
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
    parent_id: null,
    name: `${spec.operation} ${spec.model}`,
    call: true,
    source: "gateway",
    service: null,
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
    variant: null,
    prompt_name: null,
    prompt_version: null,
    tags: { environment: which % 2 ? "production" : "staging" },
    cache: null,
    finish_reasons: failed ? [] : ["stop"],
    spans: 1,
    failed: failed ? 1 : 0,
    scores: which === 1 ? { helpful: 1 } : {},
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
