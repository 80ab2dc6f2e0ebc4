import { Button, Checkbox, NativeSelect, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { QueryForm } from "@/features/dashboards/detail/query-form";
import { NEW_QUERY } from "@/features/dashboards/types";
import { unitOf } from "@/lib/metrics";
import { useChannels, useRuleWrites } from "../queries";
import { RuleChart } from "../rule-chart";
import type { AlertRule, RuleSpec } from "../types";
import { ConditionForm } from "./condition-form";

export const NEW_RULE: RuleSpec = {
  name: "",
  description: "",
  metric: {
    population: "calls",
    aggregation: "share",
    field: null,
    of: "status:(error, interrupted)",
    q: "",
  },
  group_by: [],
  window: 900,
  condition: {
    kind: "threshold",
    op: ">",
    value: 0.05,
    recover: null,
    mode: "ratio",
    offset: 604_800,
    direction: "up",
    deviations: 5,
    min_change: 0.1,
    min_difference: 0.01,
    weeks: 4,
    expected: 20,
  },
  pending_for: 300,
  keep_firing_for: 0,
  interval: 60,
  delay: 30,
  min_count: 20,
  on_no_data: "no_data",
  severity: "warning",
  labels: {},
  runbook: null,
  steps: [],
  channels: [],
  incident: null,
  max_series: 50,
  enabled: true,
};

const SPANS = [
  [0, "at once"],
  [60, "1 minute"],
  [300, "5 minutes"],
  [900, "15 minutes"],
  [1800, "30 minutes"],
  [3600, "1 hour"],
  [21_600, "6 hours"],
  [86_400, "1 day"],
] as const;

export function spanOptions(now: number, from = 0) {
  const known = SPANS.filter(([seconds]) => seconds >= from).map(([seconds, label]) => ({
    value: String(seconds),
    label: String(label),
  }));
  return known.some((one) => one.value === String(now))
    ? known
    : [...known, { value: String(now), label: `${now} seconds` }];
}

interface RuleEditorProps {
  rule: AlertRule | null;
  onDone: (id: string) => void;
  onCancel: () => void;
}

/** A rule's parts, and beside them what it would have done. */
export function RuleEditor({ rule, onDone, onCancel }: RuleEditorProps) {
  const [spec, setSpec] = useState<RuleSpec>(rule ? { ...NEW_RULE, ...rule.spec } : NEW_RULE);
  const [tried] = useDebouncedValue(spec, 600);
  const { save } = useRuleWrites();
  const channels = useChannels();
  const change = (next: Partial<RuleSpec>) => setSpec({ ...spec, ...next });
  const metric = { ...NEW_QUERY, ...spec.metric, group_by: spec.group_by ?? [] };
  return (
    <div className={classes.halves}>
      <form
        className={`card ${classes.stack} ${classes.pad}`}
        aria-label="Rule"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(
            { id: rule?.id ?? null, spec: { ...spec, name: spec.name.trim() } },
            { onSuccess: (saved) => onDone(saved.id) },
          );
        }}
      >
        <div className={classes.fields}>
          <TextInput
            size="xs"
            label="Name"
            required
            maxLength={100}
            placeholder="Too many errors"
            value={spec.name}
            onChange={(event) => change({ name: event.currentTarget.value })}
          />
          <NativeSelect
            size="xs"
            label="Severity"
            data={["critical", "warning", "info"]}
            value={spec.severity}
            onChange={(event) => change({ severity: event.currentTarget.value as RuleSpec["severity"] })}
          />
        </div>
        <QueryForm
          query={metric}
          only="metric"
          onChange={({ population, aggregation, field = null, of = null, q }) =>
            change({ metric: { population, aggregation, field, of, q } })
          }
        />
        <div className={classes.fields}>
          <TagsInput
            size="xs"
            label="Each of"
            placeholder={spec.group_by?.length ? undefined : "model, route …"}
            maxTags={2}
            acceptValueOnBlur
            data={["model", "route", "provider", "key", "user", "tags.env"]}
            value={spec.group_by ?? []}
            onChange={(group_by) => change({ group_by })}
          />
          <NativeSelect
            size="xs"
            label="Over the last"
            data={spanOptions(spec.window, 60)}
            value={String(spec.window)}
            onChange={(event) => change({ window: Number(event.currentTarget.value) })}
          />
          <NumberInput
            size="xs"
            label="With at least so many"
            min={0}
            value={spec.min_count}
            onChange={(value) => change({ min_count: Number(value) || 0 })}
          />
        </div>
        <ConditionForm
          condition={spec.condition}
          unit={unitOf(metric)}
          onChange={(condition) => change({ condition })}
        />
        <div className={classes.fields}>
          <NativeSelect
            size="xs"
            label="Fires when wrong for"
            data={spanOptions(spec.pending_for)}
            value={String(spec.pending_for)}
            onChange={(event) => change({ pending_for: Number(event.currentTarget.value) })}
          />
          <NativeSelect
            size="xs"
            label="Ends when right for"
            data={spanOptions(spec.keep_firing_for)}
            value={String(spec.keep_firing_for)}
            onChange={(event) => change({ keep_firing_for: Number(event.currentTarget.value) })}
          />
          <NativeSelect
            size="xs"
            label="Without data"
            data={[
              { value: "no_data", label: "say “no data”" },
              { value: "ok", label: "is right" },
              { value: "alert", label: "is wrong" },
            ]}
            value={spec.on_no_data}
            onChange={(event) => change({ on_no_data: event.currentTarget.value as RuleSpec["on_no_data"] })}
          />
        </div>
        <div className={classes.fields}>
          <TagsInput
            size="xs"
            label="Tells"
            placeholder={spec.channels?.length ? undefined : "no channel"}
            data={channels.data?.map((one) => one.name) ?? []}
            value={spec.channels ?? []}
            onChange={(names) => change({ channels: names })}
            acceptValueOnBlur
          />
          <NativeSelect
            size="xs"
            label="Opens an incident"
            data={[{ value: "", label: "no" }, "sev1", "sev2", "sev3", "sev4"]}
            value={spec.incident ?? ""}
            onChange={(event) =>
              change({
                incident: (event.currentTarget.value || null) as NonNullable<RuleSpec["incident"]> | null,
              })
            }
          />
          <TextInput
            size="xs"
            label="Run book"
            type="url"
            placeholder="https://…"
            value={spec.runbook ?? ""}
            onChange={(event) => change({ runbook: event.currentTarget.value || null })}
          />
        </div>
        <Checkbox
          size="xs"
          label="Watch"
          checked={spec.enabled !== false}
          onChange={(event) => change({ enabled: event.currentTarget.checked })}
        />
        {save.error && <Failure error={save.error} />}
        <div className={classes.bar}>
          <span className={classes.push} />
          <Button size="xs" variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button size="xs" type="submit" loading={save.isPending} disabled={!spec.name.trim()}>
            Save
          </Button>
        </div>
      </form>
      <RuleChart spec={{ ...tried, name: tried.name.trim() || "untitled" }} />
    </div>
  );
}
