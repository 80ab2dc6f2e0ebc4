import { Tabs } from "@mantine/core";
import type { SpanRecord } from "@/api/types";
import { JsonView } from "@/components/json-view";
import { TABS, type Tab } from "../search";
import { Conversation } from "./conversation";
import classes from "./detail.module.css";
import { SpanDetails } from "./span-details";

const LABELS: Record<Tab, string> = { conversation: "Conversation", details: "Details", raw: "Raw JSON" };

interface SpanPanelProps {
  span: SpanRecord;
  spans: readonly SpanRecord[];
  tab: Tab;
  onTab: (tab: Tab) => void;
  onSelect: (id: string) => void;
}

/** The selected span: what was said, what it took, and the record as it is. */
export function SpanPanel({ span, spans, tab, onTab, onSelect }: SpanPanelProps) {
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
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <div className={classes.panelBody}>
          {span.error_message && (
            <div className={classes.error} role="note">
              <b>{[span.http_status, span.error_type].filter(Boolean).join(" ")}</b> {span.error_message}
            </div>
          )}
          <Tabs.Panel value="conversation">
            <Conversation span={span} spans={spans} onSelect={onSelect} />
          </Tabs.Panel>
          <Tabs.Panel value="details">
            <SpanDetails span={span} spans={spans} onSelect={onSelect} />
          </Tabs.Panel>
          <Tabs.Panel value="raw">
            <Raw span={span} />
          </Tabs.Panel>
        </div>
      </Tabs>
    </section>
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
