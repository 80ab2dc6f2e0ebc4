import { NativeSelect, NumberInput } from "@mantine/core";
import classes from "@/components/watch.module.css";
import { WRITTEN } from "@/lib/metrics";
import type { Condition } from "../types";

interface ConditionFormProps {
  condition: Condition;
  unit: string;
  onChange: (condition: Condition) => void;
}

const KINDS = [
  { value: "threshold", label: "A threshold" },
  { value: "change", label: "A change since before" },
  { value: "anomaly", label: "Not as usual at this hour" },
  { value: "absence", label: "Nothing comes" },
];
const OFFSETS = [
  { value: "3600", label: "an hour before" },
  { value: "86400", label: "a day before" },
  { value: "604800", label: "a week before" },
];

/** When the value is wrong. Numbers are written in people's units, and sent in the API's. */
export function ConditionForm({ condition, unit, onChange }: ConditionFormProps) {
  const change = (next: Partial<Condition>) => onChange({ ...condition, ...next });
  const { kind } = condition;
  return (
    <div className={classes.fields}>
      <NativeSelect
        size="xs"
        label="Wrong when"
        data={KINDS}
        value={kind}
        onChange={(event) => change({ kind: event.currentTarget.value as Condition["kind"] })}
      />
      {(kind === "threshold" || kind === "change") && (
        <NativeSelect
          size="xs"
          label="It is"
          data={[">", ">=", "<", "<="]}
          value={condition.op}
          onChange={(event) => change({ op: event.currentTarget.value as Condition["op"] })}
        />
      )}
      {kind === "threshold" && (
        <>
          <Amount label="Value" unit={unit} value={condition.value} onChange={(value) => change({ value })} />
          <Amount
            label="Right again at"
            unit={unit}
            value={condition.recover}
            onChange={(recover) => change({ recover })}
          />
        </>
      )}
      {kind === "change" && (
        <>
          <NativeSelect
            size="xs"
            label="As"
            data={[
              { value: "ratio", label: "times" },
              { value: "difference", label: "difference" },
            ]}
            value={condition.mode}
            onChange={(event) => change({ mode: event.currentTarget.value as Condition["mode"] })}
          />
          <Amount
            label="Value"
            unit={condition.mode === "ratio" ? "number" : unit}
            value={condition.value}
            onChange={(value) => change({ value })}
          />
          <NativeSelect
            size="xs"
            label="Of"
            data={OFFSETS}
            value={String(condition.offset)}
            onChange={(event) => change({ offset: Number(event.currentTarget.value) })}
          />
        </>
      )}
      {kind === "anomaly" && (
        <>
          <NativeSelect
            size="xs"
            label="Side"
            data={[
              { value: "up", label: "above what is usual" },
              { value: "down", label: "below what is usual" },
              { value: "both", label: "either" },
            ]}
            value={condition.direction}
            onChange={(event) => change({ direction: event.currentTarget.value as Condition["direction"] })}
          />
          <NumberInput
            size="xs"
            label="By deviations"
            min={1}
            max={50}
            value={condition.deviations}
            onChange={(value) => change({ deviations: Number(value) || 5 })}
          />
        </>
      )}
      {kind === "absence" && (
        <NumberInput
          size="xs"
          label="Where as many are usual"
          description="0: wrong at any hour"
          min={0}
          value={condition.expected}
          onChange={(value) => change({ expected: Number(value) || 0 })}
        />
      )}
    </div>
  );
}

interface AmountProps {
  label: string;
  unit: string;
  value: number | null | undefined;
  onChange: (value: number | null) => void;
}

export function Amount({ label, unit, value, onChange }: AmountProps) {
  const written = WRITTEN[unit];
  const factor = written?.factor ?? 1;
  const shown = value === null || value === undefined ? "" : Number((value / factor).toPrecision(12));
  return (
    <NumberInput
      size="xs"
      label={label}
      value={shown}
      suffix={written && written.suffix !== "$" ? ` ${written.suffix}` : ""}
      prefix={written?.suffix === "$" ? "$" : ""}
      onChange={(next) => onChange(next === "" ? null : Number((Number(next) * factor).toPrecision(12)))}
    />
  );
}
