import { Skeleton, Tabs } from "@mantine/core";
import type { Score, SpanRecord, Trace } from "@/api/types";
import { Failure } from "@/components/failure";
import { JsonView } from "@/components/json-view";
import { mainSpan } from "@/lib/span-tree";
import { TABS, type Tab } from "../search";
import { Conversation } from "./conversation";
import classes from "./detail.module.css";
import { ScoreTab } from "./scores";
import { SpanDetails } from "./span-details";
import { useScores, useWholeSpan } from "./use-trace";

const LABELS: Record<Tab, string> = {
  conversation: "Conversation",
  details: "Details",
  scores: "Scores",
  raw: "Raw JSON",
};

interface SpanPanelProps {
  trace: Trace;
  span: SpanRecord;
  tab: Tab;
  onTab: (tab: Tab) => void;
  onSelect: (id: string) => void;
}

/** The selected span: what was said, what it took, how it was judged, and the record as it is. */
export function SpanPanel({ trace, span: chosen, tab, onTab, onSelect }: SpanPanelProps) {
  const { span, loading, error, refetch } = useWholeSpan(trace, chosen);
  const scores = scoresOf(useScores(trace.trace_id), trace, chosen);
  return (
    <section className={`card ${classes.panel}`} aria-label={`Span ${span.name}`}>
      <Tabs
        value={tab}
        onChange={(value) => onTab(value as Tab)}
        keepMounted={false}
        className={classes.tabs}
      >
        <Tabs.List px={6}>
          {TABS.map((id) => (
            <Tabs.Tab key={id} value={id} py={9} fz="sm">
              {LABELS[id]}
              {id === "scores" && scores.length > 0 && <span className="faint"> {scores.length}</span>}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <div className={classes.panelBody}>
          {span.error_message && (
            <div className={classes.error} role="note">
              <b>{[span.http_status, span.error_type].filter(Boolean).join(" ")}</b> {span.error_message}
            </div>
          )}
          {span.covered && (
            <p className={classes.note} role="note">
              Counted in the call below: its tokens and cost are those of the spans under this one.
            </p>
          )}
          {error && <Failure error={error} onRetry={() => void refetch()} />}
          <Tabs.Panel value="conversation">
            {loading ? (
              <Skeleton height={180} aria-label="Loading the text" />
            ) : (
              !error && <Conversation span={span} spans={trace.spans} onSelect={onSelect} />
            )}
          </Tabs.Panel>
          <Tabs.Panel value="details">
            <SpanDetails span={span} spans={trace.spans} onSelect={onSelect} />
          </Tabs.Panel>
          <Tabs.Panel value="scores">
            <ScoreTab trace={trace} span={chosen} scores={scores} />
          </Tabs.Panel>
          <Tabs.Panel value="raw">
            <Raw span={span} />
          </Tabs.Panel>
        </div>
      </Tabs>
    </section>
  );
}

/** Scores of this span; on the span that stands for the trace, those of the trace too. */
export function scoresOf(scores: readonly Score[], trace: Trace, span: SpanRecord): Score[] {
  const first = mainSpan(trace.spans);
  return scores.filter(
    (score) => score.span_id === span.span_id || (!score.span_id && span.span_id === first?.span_id),
  );
}

function Raw({ span }: { span: SpanRecord }) {
  const { input, output, attributes, usage_raw, ...rest } = span;
  const parts: [string, unknown][] = [
    ["input", input],
    ["output", output],
    ["attributes", attributes],
    ["usage_raw", usage_raw],
    ["span", rest],
  ];
  return (
    <div className={classes.stack}>
      {parts.map(([name, value]) => (
        <div key={name}>
          <h3 className={classes.section}>{name}</h3>
          {value === null || value === undefined ? (
            <span className="faint">not recorded</span>
          ) : (
            <JsonView value={value} label={name} />
          )}
        </div>
      ))}
    </div>
  );
}
