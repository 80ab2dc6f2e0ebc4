import { Button, Checkbox, NativeSelect, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { QueryField } from "@/components/query-field/query-field";
import watch from "@/components/watch.module.css";
import { Amount } from "@/features/alerts/editor/condition-form";
import { useChannels } from "@/features/alerts/queries";
import { Labelled } from "@/features/dashboards/detail/query-form";
import { BudgetCard, BurnTable } from "./budget-card";
import { useSloTest, useSloWrites } from "./queries";
import type { Indicator, Slo, SloSpec } from "./types";
import { PERIODS } from "./words";

const NEW: SloSpec = {
  name: "",
  description: "",
  indicator: { kind: "availability", limit: null, score: null, q: "" },
  objective: 0.99,
  period: "28d",
  min_bad: 10,
  alerts: true,
  labels: {},
  runbook: null,
  steps: [],
  channels: [],
  incident: null,
};

const KINDS: { value: Indicator["kind"]; label: string; unit: string; limit: number | null }[] = [
  { value: "availability", label: "It did not fail", unit: "", limit: null },
  { value: "latency", label: "It is quick enough", unit: "microseconds", limit: 5_000_000 },
  { value: "ttft", label: "The first token is quick enough", unit: "microseconds", limit: 2_000_000 },
  { value: "score", label: "Its score is high enough", unit: "number", limit: 0.5 },
  { value: "cost", label: "It is cheap enough", unit: "nano_dollars", limit: 10_000_000 },
];

interface SloEditorProps {
  slo: Slo | null;
  onDone: (id: string) => void;
  onCancel: () => void;
}

/** An objective's parts, and beside them how it would stand now. */
export function SloEditor({ slo, onDone, onCancel }: SloEditorProps) {
  const [spec, setSpec] = useState<SloSpec>(slo ? { ...NEW, ...slo.spec } : NEW);
  const [tried] = useDebouncedValue(spec, 600);
  const test = useSloTest({ ...tried, name: tried.name.trim() || "untitled" });
  const { save } = useSloWrites();
  const channels = useChannels();
  const change = (next: Partial<SloSpec>) => setSpec({ ...spec, ...next });
  const indicate = (next: Partial<Indicator>) => change({ indicator: { ...spec.indicator, ...next } });
  const kind = KINDS.find((one) => one.value === spec.indicator.kind);
  return (
    <div className={watch.halves}>
      <form
        className={`card ${watch.stack} ${watch.pad}`}
        aria-label="Objective"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(
            { id: slo?.id ?? null, spec: { ...spec, name: spec.name.trim() } },
            { onSuccess: (saved) => onDone(saved.id) },
          );
        }}
      >
        <TextInput
          size="xs"
          label="Name"
          required
          maxLength={100}
          placeholder="Answers come"
          value={spec.name}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <div className={watch.fields}>
          <NativeSelect
            size="xs"
            label="A call is good when"
            data={KINDS.map(({ value, label }) => ({ value, label }))}
            value={spec.indicator.kind}
            onChange={(event) => {
              const chosen = KINDS.find((one) => one.value === event.currentTarget.value);
              if (chosen)
                indicate({
                  kind: chosen.value,
                  limit: chosen.limit,
                  score: chosen.value === "score" ? "helpful" : null,
                });
            }}
          />
          {spec.indicator.kind === "score" && (
            <TextInput
              size="xs"
              label="Score"
              value={spec.indicator.score ?? ""}
              onChange={(event) => indicate({ score: event.currentTarget.value })}
            />
          )}
          {kind?.unit && (
            <Amount
              label={spec.indicator.kind === "score" ? "At least" : "At most"}
              unit={kind.unit}
              value={spec.indicator.limit}
              onChange={(limit) => indicate({ limit })}
            />
          )}
        </div>
        <Labelled text="Of calls">
          <QueryField
            inForm
            label="Of calls"
            placeholder="All. Narrow with route:support model:gpt* …"
            value={spec.indicator.q ?? ""}
            onChange={(q) => indicate({ q: q ?? "" })}
          />
        </Labelled>
        <div className={watch.fields}>
          <NumberInput
            size="xs"
            label="Good, at least"
            suffix=" %"
            decimalScale={4}
            min={0.0001}
            max={99.9999}
            value={Number((spec.objective * 100).toPrecision(8))}
            onChange={(value) => change({ objective: Number((Number(value) / 100).toPrecision(8)) })}
          />
          <NativeSelect
            size="xs"
            label="Over"
            data={Object.entries(PERIODS).map(([value, label]) => ({ value, label }))}
            value={spec.period}
            onChange={(event) => change({ period: event.currentTarget.value as SloSpec["period"] })}
          />
          <NumberInput
            size="xs"
            label="Tells from so many bad calls"
            min={0}
            value={spec.min_bad}
            onChange={(value) => change({ min_bad: Number(value) || 0 })}
          />
        </div>
        <div className={watch.fields}>
          <TagsInput
            size="xs"
            label="Tells"
            placeholder={spec.channels?.length ? undefined : "no channel"}
            data={channels.data?.map((one) => one.name) ?? []}
            value={spec.channels ?? []}
            onChange={(names) => change({ channels: names })}
            acceptValueOnBlur
          />
          <Checkbox
            size="xs"
            label="Tell when the budget burns too fast"
            checked={spec.alerts}
            onChange={(event) => change({ alerts: event.currentTarget.checked })}
          />
        </div>
        {save.error && <Failure error={save.error} />}
        <div className={watch.bar}>
          <span className={watch.push} />
          <Button size="xs" variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button size="xs" type="submit" loading={save.isPending} disabled={!spec.name.trim()}>
            Save
          </Button>
        </div>
      </form>
      <div className={watch.stack}>
        {test.error && <Failure error={test.error} />}
        {test.data && !test.error && (
          <>
            <BudgetCard status={test.data} />
            <BurnTable status={test.data} />
          </>
        )}
      </div>
    </div>
  );
}
