import { Button, NumberInput, Skeleton } from "@mantine/core";
import { useState } from "react";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./data.module.css";
import { type RetentionPolicy, useRetention, useRetentionWrite } from "./queries";

type Kinds = NonNullable<RetentionPolicy["kinds"]>;
const KINDS: (keyof Kinds & string)[] = [
  "llm",
  "embedding",
  "retriever",
  "tool",
  "agent",
  "chain",
  "guardrail",
];

export function RetentionCard() {
  const { data, error, refetch } = useRetention();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={140} role="status" aria-label="Loading the retention" />;
  return (
    <PolicyForm
      key={data.updated}
      policy={data.policy}
      note={
        data.updated ? `set ${formatAgo(data.updated, nowMicroseconds())} by ${data.updated_by}` : "never set"
      }
    />
  );
}

function PolicyForm({ policy, note }: { policy: RetentionPolicy; note: string }) {
  const { may } = useSignedIn();
  const save = useRetentionWrite();
  const [draft, setDraft] = useState<RetentionPolicy>(policy);
  const [asking, setAsking] = useState(false);
  const writer = may("retention:write");
  const kinds: Kinds = draft.kinds ?? {};
  const shown = [...new Set([...KINDS, ...Object.keys(kinds)])] as (keyof Kinds & string)[];
  const setKind = (kind: keyof Kinds & string, days: number | null) => {
    const { [kind]: _before, ...rest } = kinds;
    setDraft({ ...draft, kinds: (days === null ? rest : { ...rest, [kind]: days }) as Kinds });
  };
  return (
    <section className="card" aria-label="Retention">
      <div className="card-head">
        How long it is kept <span className="faint">{note}</span>
      </div>
      <div className={classes.fields}>
        <Days
          label="Spans"
          empty="for ever"
          value={draft.default}
          disabled={!writer}
          onChange={(days) => setDraft({ ...draft, default: days })}
        />
        <Days
          label="Scores"
          empty="for ever"
          value={draft.scores}
          disabled={!writer}
          onChange={(scores) => setDraft({ ...draft, scores })}
        />
        {shown.map((kind) => (
          <Days
            key={kind}
            label={`Spans of kind ${kind}`}
            empty="as all spans"
            value={kinds[kind]}
            disabled={!writer}
            onChange={(days) => setKind(kind, days)}
          />
        ))}
      </div>
      {save.error && <Failure error={save.error} />}
      {writer && (
        <div className={`${watch.bar} ${watch.pad}`}>
          <span className={watch.push} />
          <Button
            size="xs"
            disabled={JSON.stringify(draft) === JSON.stringify(policy)}
            onClick={() => setAsking(true)}
          >
            Save
          </Button>
        </div>
      )}
      {asking && (
        <ConfirmDialog
          title="Change how long data is kept?"
          text="What is older than this allows is deleted within the hour, for good."
          action="Change it"
          loading={save.isPending}
          onClose={() => setAsking(false)}
          onConfirm={() => save.mutate(draft, { onSettled: () => setAsking(false) })}
        />
      )}
    </section>
  );
}

interface DaysProps {
  label: string;
  /** What no number means. */
  empty: string;
  value: number | null | undefined;
  disabled: boolean;
  onChange: (days: number | null) => void;
}

function Days({ label, empty, value, disabled, onChange }: DaysProps) {
  return (
    <NumberInput
      size="xs"
      label={label}
      placeholder={empty}
      suffix=" days"
      min={1}
      max={36_500}
      allowDecimal={false}
      value={value ?? ""}
      disabled={disabled}
      onChange={(days) => onChange(days === "" ? null : Number(days))}
    />
  );
}
