import { useComputedColorScheme } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { SpanRecord } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { JsonView } from "@/components/json-view";
import { StatusMark } from "@/components/status";
import { formatCount, formatDuration, formatMoney, formatTime } from "@/lib/format";
import { SERIES_COLORS } from "@/lib/series";
import classes from "./detail.module.css";

interface SpanDetailsProps {
  span: SpanRecord;
  spans: readonly SpanRecord[];
  onSelect: (id: string) => void;
}

export function SpanDetails({ span, spans, onSelect }: SpanDetailsProps) {
  const attempts = attemptsOf(span, spans);
  return (
    <div className={classes.stack}>
      {(attempts.length > 0 || usesTokens(span)) && (
        <UsageView span={attempts.length ? sumUsage(attempts) : span} ofAttempts={attempts.length > 0} />
      )}
      {attempts.length > 0 && <Attempts attempts={attempts} onSelect={onSelect} />}
      <Properties span={span} />
      {hasFields(span.tags) && (
        <div>
          <h3 className={classes.section}>Tags</h3>
          <JsonView value={span.tags} label="the tags" />
        </div>
      )}
      {hasFields(span.attributes) && (
        <div>
          <h3 className={classes.section}>Attributes</h3>
          <JsonView value={span.attributes} label="the attributes" />
        </div>
      )}
    </div>
  );
}

const MODELS = new Set(["llm", "embedding", "reranker"]);

/** An agent, a tool or a step has no tokens of its own; those of the calls below it are shown there. */
function usesTokens(span: SpanRecord): boolean {
  return MODELS.has(span.kind) || span.call || BUCKETS.some(({ field }) => (span[field] ?? 0) > 0);
}

function hasFields(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** The attempts of a call that needed several, in order. */
export function attemptsOf(span: SpanRecord, spans: readonly SpanRecord[]): SpanRecord[] {
  if (span.kind !== "gateway") return [];
  return spans.filter((one) => one.parent_id === span.span_id).sort((a, b) => a.started - b.started);
}

const BUCKETS = [
  { field: "usage_input", label: "input", series: "input" },
  { field: "usage_cache_read", label: "cache read", series: "cache_read" },
  { field: "usage_cache_write", label: "cache write", series: "cache_write" },
  { field: "usage_output", label: "output", series: "output" },
  { field: "usage_reasoning", label: "reasoning", series: "reasoning" },
  { field: "usage_input_audio", label: "input audio", series: "input" },
  { field: "usage_output_audio", label: "output audio", series: "output" },
  { field: "usage_input_image", label: "input image", series: "input" },
  { field: "usage_output_image", label: "output image", series: "output" },
] as const;

type UsageFields = Pick<
  SpanRecord,
  (typeof BUCKETS)[number]["field"] | "usage_estimated" | "cost" | "price_version" | "duration" | "ttft"
>;

/** Usage and cost of all attempts; the cost is unknown when one of them is. */
export function sumUsage(attempts: readonly SpanRecord[]): UsageFields {
  const [first] = attempts;
  const total = { ...(first as UsageFields) };
  for (const { field } of BUCKETS) total[field] = attempts.reduce((sum, one) => sum + (one[field] ?? 0), 0);
  total.usage_estimated = attempts.some((one) => one.usage_estimated);
  total.cost = attempts.some((one) => one.cost === null || one.cost === undefined)
    ? null
    : attempts.reduce((sum, one) => sum + (one.cost ?? 0), 0);
  total.price_version = attempts.find((one) => one.price_version)?.price_version ?? null;
  return total;
}

function UsageView({ span, ofAttempts }: { span: UsageFields; ofAttempts: boolean }) {
  const scheme = useComputedColorScheme("light");
  const buckets = BUCKETS.map((bucket) => ({ ...bucket, tokens: span[bucket.field] ?? 0 })).filter(
    (one) => one.tokens > 0,
  );
  const total = buckets.reduce((sum, one) => sum + one.tokens, 0);
  return (
    <div>
      <h3 className={classes.section}>
        Tokens{ofAttempts && " of all attempts"}
        {span.usage_estimated && <span className="warn"> estimated: the provider reported none</span>}
      </h3>
      {total > 0 && (
        <div className={classes.usageBar}>
          {buckets.map((one) => (
            <span
              key={one.field}
              style={{
                width: `${(one.tokens / total) * 100}%`,
                background: SERIES_COLORS[scheme][one.series],
              }}
              title={`${one.label}: ${formatCount(one.tokens)}`}
            />
          ))}
        </div>
      )}
      <dl className={classes.usage}>
        {buckets.map((one) => (
          <div key={one.field}>
            <dt>
              <span className={classes.swatch} style={{ background: SERIES_COLORS[scheme][one.series] }} />
              {one.label}
            </dt>
            <dd>{formatCount(one.tokens)}</dd>
          </div>
        ))}
        <div>
          <dt>total</dt>
          <dd>{formatCount(total)}</dd>
        </div>
        <div>
          <dt>cost</dt>
          <dd>
            {formatMoney(span.cost)}{" "}
            <span className="faint">
              {span.price_version ?? (span.cost === null ? "no price for this model" : "")}
            </span>
          </dd>
        </div>
      </dl>
    </div>
  );
}

function Attempts({
  attempts,
  onSelect,
}: {
  attempts: readonly SpanRecord[];
  onSelect: (id: string) => void;
}) {
  return (
    <div>
      <h3 className={classes.section}>Attempts</h3>
      <ol className={classes.attempts}>
        {attempts.map((attempt) => (
          <li key={attempt.span_id}>
            <button type="button" onClick={() => onSelect(attempt.span_id)}>
              <StatusMark status={attempt.status} />
              {attempt.variant && <b>{attempt.variant}</b>}
              <span className="cut">
                {attempt.provider}/{attempt.target_model ?? attempt.served_model ?? attempt.requested_model}
              </span>
              {roleOf(attempt) && <span className={classes.attemptRole}>{roleOf(attempt)}</span>}
              <span className="dim">{formatDuration(attempt.duration)}</span>
              <span className="dim">{formatMoney(attempt.cost)}</span>
              {attempt.error_message && <span className="bad cut">{attempt.error_message}</span>}
              {noteOf(attempt) && (
                <span className="warn cut" title={noteOf(attempt) ?? undefined}>
                  {noteOf(attempt)}
                </span>
              )}
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

function attributeOf(span: SpanRecord, name: string): string | null {
  const attributes = span.attributes as Record<string, unknown> | null | undefined;
  const value = attributes?.[name];
  return typeof value === "string" && value !== "" ? value : null;
}

/** `judge` or `shadow`; null for an attempt that serves the caller. */
export function roleOf(span: SpanRecord): string | null {
  return attributeOf(span, "penstock.role");
}

/** Why an answer did not do, or what became of the attempt. */
export function noteOf(span: SpanRecord): string | null {
  return attributeOf(span, "penstock.note");
}

const CACHE_WORDS: Record<string, string> = {
  hit: "hit: an answer given again",
  joined: "joined an identical call in flight",
  miss: "miss: asked, and answered by the provider",
};

/** What the cache did, and what that saved. */
export function sayCache({ cache, saved }: Pick<SpanRecord, "cache" | "saved">): string | null {
  if (!cache) return null;
  const words = CACHE_WORDS[cache] ?? cache;
  return cache === "miss" ? words : `${words}, saved ${formatMoney(saved)}`;
}

/** Tokens a second from the first token to the end; only a stream has it. */
function outputRate(span: SpanRecord): string | null {
  const seconds = (span.duration - (span.ttft ?? 0)) / 1_000_000;
  if (!span.ttft || span.usage_output < 2 || seconds <= 0) return null;
  const rate = span.usage_output / seconds;
  return `${rate.toFixed(rate < 10 ? 1 : 0)} tokens/s`;
}

function Properties({ span }: { span: SpanRecord }) {
  const rows: [string, ReactNode][] = [
    ["Started", formatTime(span.started)],
    ["Duration", formatDuration(span.duration)],
    ["First token", span.ttft ? formatDuration(span.ttft) : null],
    ["Output rate", outputRate(span)],
    ["HTTP status", span.http_status],
    ["Operation", span.operation ? `${span.operation}${span.stream ? ", streamed" : ""}` : null],
    ["Route", span.route && <Filtered column="route" value={span.route} />],
    ["Variant", span.variant && <Filtered column="variant" value={span.variant} />],
    ["Role", roleOf(span)],
    ["Note", noteOf(span)],
    ["Provider", span.provider && <Filtered column="provider" value={span.provider} />],
    ["Requested model", span.requested_model],
    ["Served model", span.served_model && <Filtered column="served_model" value={span.served_model} />],
    ["Finish reasons", span.finish_reasons?.join(", ")],
    ["Prompt", span.prompt_name && `${span.prompt_name} ${span.prompt_version ?? ""}`],
    ["Key", span.key && <Filtered column="key" value={span.key} label={span.key_name ?? span.key} />],
    ["Service", span.service && <Filtered column="service" value={span.service} />],
    [
      "Session",
      span.session && (
        <Link to="/sessions/$session" params={{ session: span.session }} search={{}}>
          {span.session}
        </Link>
      ),
    ],
    [
      "User (hashed)",
      span.user && (
        <Link to="/users/$user" params={{ user: span.user }} search={{}}>
          {span.user}
        </Link>
      ),
    ],
    ["Cache", sayCache(span)],
    ["Budget spent", attributeOf(span, "penstock.degraded")],
    ["Fingerprint", span.fingerprint && <Id value={span.fingerprint} />],
    ["Span id", <Id key="span" value={span.span_id} />],
    ["Parent id", span.parent_id && <Id value={span.parent_id} />],
  ];
  return (
    <div>
      <h3 className={classes.section}>{span.call ? "Call" : "Span"}</h3>
      <dl className={classes.properties}>
        {rows
          .filter(([, value]) => value !== null && value !== undefined && value !== "")
          .map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </div>
  );
}

/** A value that leads to all calls with the same. */
function Filtered({ column, value, label }: { column: string; value: string; label?: string }) {
  return (
    <Link to="/traces" search={{ filter: [`${column}:eq:${value}`] }}>
      {label ?? value}
    </Link>
  );
}

function Id({ value }: { value: string }) {
  return (
    <span className={classes.id}>
      <span className="mono">{value}</span>
      <CopyIcon text={value} label="Copy the id" />
    </span>
  );
}
