/** What two spans differ in: their properties, and their texts word by word. */

import { Skeleton } from "@mantine/core";
import { useMemo } from "react";
import type { SpanRecord, Trace } from "@/api/types";
import { Failure } from "@/components/failure";
import { formatCount, formatDuration, formatMoney, NOTHING } from "@/lib/format";
import { textOfValue } from "@/lib/messages";
import type { DiffRow } from "@/lib/trace-diff";
import { tokensOf } from "../detail/thread-view";
import { useWholeSpan } from "../detail/use-trace";
import classes from "./compare.module.css";
import { TextDiff } from "./text-diff";

interface SpanTextsProps {
  left: Trace;
  right: Trace;
  row: DiffRow<SpanRecord>;
}

export function SpanTexts({ left, right, row }: SpanTextsProps) {
  // A side without a span borrows the other's, and shows none of it.
  const some = (row.left ?? row.right) as SpanRecord;
  const one = useWholeSpan(row.left ? left : right, row.left ?? some);
  const other = useWholeSpan(row.right ? right : left, row.right ?? some);
  const error = one.error ?? other.error;
  const a = row.left ? one.span : null;
  const b = row.right ? other.span : null;
  return (
    <section className={`card ${classes.texts}`} aria-label={`Span ${some.name}`}>
      {error && <Failure error={error} onRetry={() => void Promise.all([one.refetch(), other.refetch()])} />}
      {one.loading || other.loading ? (
        <Skeleton height={220} />
      ) : (
        <>
          <Properties a={a} b={b} />
          <Part title="Input" a={a?.input} b={b?.input} />
          <Part title="Output" a={a?.output} b={b?.output} />
        </>
      )}
    </section>
  );
}

const PROPERTIES: readonly [string, (span: SpanRecord) => string | null | undefined][] = [
  ["Status", (span) => [span.status, span.error_type].filter(Boolean).join(" ")],
  ["Model", (span) => span.served_model ?? span.requested_model],
  ["Provider", (span) => span.provider],
  ["Variant", (span) => span.variant],
  ["Prompt", (span) => [span.prompt_name, span.prompt_version].filter(Boolean).join(" ")],
  ["Duration", (span) => formatDuration(span.duration)],
  ["First token", (span) => (span.ttft ? formatDuration(span.ttft) : null)],
  ["Tokens", (span) => (tokensOf(span) ? formatCount(tokensOf(span)) : null)],
  ["Cost", (span) => (span.cost === null ? null : formatMoney(span.cost))],
  ["Ended", (span) => span.finish_reasons?.join(", ")],
  ["Error", (span) => span.error_message],
];

function Properties({ a, b }: { a: SpanRecord | null; b: SpanRecord | null }) {
  const rows = PROPERTIES.map(([label, of]) => ({
    label,
    a: (a && of(a)) || NOTHING,
    b: (b && of(b)) || NOTHING,
  })).filter((row) => row.a !== NOTHING || row.b !== NOTHING);
  return (
    <table className={classes.properties}>
      <thead>
        <tr>
          <th>
            <span className="visually-hidden">Property</span>
          </th>
          <th>A</th>
          <th>B</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.label} data-differs={row.a !== row.b || undefined}>
            <th>{row.label}</th>
            <td>{row.a}</td>
            <td>{row.b}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Part({ title, a, b }: { title: string; a: unknown; b: unknown }) {
  const texts = useMemo(() => ({ a: textOfValue(a), b: textOfValue(b) }), [a, b]);
  if (!texts.a && !texts.b) return null;
  return (
    <div>
      <h3>{title}</h3>
      {texts.a === texts.b ? (
        <p className="dim">The same, word for word ({formatCount(texts.a.length)} characters).</p>
      ) : (
        <TextDiff a={texts.a} b={texts.b} />
      )}
    </div>
  );
}
