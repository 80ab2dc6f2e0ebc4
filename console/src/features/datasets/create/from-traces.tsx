import { Button, Checkbox, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import { Failure } from "@/components/failure";
import { faultOf } from "@/components/query-field/fault";
import { QueryField } from "@/components/query-field/query-field";
import watch from "@/components/watch.module.css";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { formatCount } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import { termsOf } from "../queries";
import type { Target } from "./add-rows";
import { ImportProgress } from "./import-progress";
import { RowPreview } from "./row-preview";

const HOW = [
  { value: "newest", label: "the newest" },
  { value: "random", label: "some at random" },
  { value: "stratified", label: "at random of each kind" },
  { value: "all", label: "all" },
] as const;
type How = (typeof HOW)[number]["value"];

const FIRST = {
  how: "newest" as How,
  size: 1000,
  by: "route",
  input: "messages" as "messages" | "question",
  reference: "none",
  group: "session" as "session" | "trace" | "none",
  distinct: true,
  mask: true,
};

/** Rows of what was recorded in the bar's time range: filter, sample, look, save. */
export function FromTraces({ target, filter }: { target: Target; filter: string | undefined }) {
  const { range } = useAddress();
  const { project, may } = useSignedIn();
  const [q, setQ] = useState(filter ?? "");
  const [terms, setTerms] = useState(FIRST);
  const [started, setStarted] = useState<string | null>(null);
  const change = (next: Partial<typeof FIRST>) => setTerms({ ...terms, ...next });
  const { how, size, by, ...rest } = terms;
  const body = {
    q,
    of: "calls" as const,
    metadata: [],
    ...rest,
    sample: {
      how,
      size,
      by: how === "stratified" ? by : null,
      balance: "proportional" as const,
      seed: 0,
    },
  };
  const [asked] = useDebouncedValue(body, 400);
  const found = useQuery({
    queryKey: ["dataset-traces", project.id, range, asked],
    queryFn: async ({ signal }) => {
      const sent = { ...asked, ...windowOf(range, nowMicroseconds()) };
      const params = { query: { project: project.id } };
      return bodyOf(await api.POST("/api/v1/datasets/from-traces/preview", { params, body: sent, signal }));
    },
    enabled: may("traces:read"),
    placeholderData: keepPreviousData,
    retry: false,
  });
  const begin = useMutation({
    mutationFn: async () => {
      const params = { path: { name: target.name.replaceAll("/", ":") }, query: { project: project.id } };
      const sent = {
        ...body,
        ...windowOf(range, nowMicroseconds()),
        mode: "append" as const,
        terms: termsOf(`Take rows from traces${q ? `: ${q}` : ""}`, null),
      };
      return bodyOf(await api.POST("/api/v1/datasets/{name}/from-traces", { params, body: sent }));
    },
    onSuccess: (one) => setStarted(one.id),
  });
  if (!may("traces:read"))
    return <p className="dim">Rows would hold what was recorded, and your role lacks traces:read.</p>;
  if (started) return <ImportProgress id={started} onDone={target.onDone} onBack={() => setStarted(null)} />;
  const fault = faultOf(found.error);
  return (
    <div className={watch.stack}>
      {/* The field takes all the height that a column gives it. */}
      <div>
        <QueryField
          value={q}
          onChange={(next) => setQ(next ?? "")}
          fault={fault}
          label="Which calls"
          placeholder="All calls of the time range. Narrow with route:support score.helpful:false …"
        />
      </div>
      <SampleForm terms={terms} onChange={change} />
      {found.error && !fault && <Failure error={found.error} />}
      {found.data && !fault && (
        <>
          <p className="dim" role="status">
            {formatCount(found.data.matching)} calls fit. The newest of them, as rows:
          </p>
          {found.data.rows.length > 0 && <RowPreview rows={found.data.rows} label="Rows of traces" />}
        </>
      )}
      {begin.error && <Failure error={begin.error} />}
      <div className={watch.bar}>
        <span className={watch.push} />
        {target.missing && <span className="dim">{target.missing}</span>}
        <Button
          size="xs"
          disabled={target.missing !== null || !found.data?.matching || fault !== null}
          loading={begin.isPending}
          onClick={() => begin.mutate()}
        >
          Take the rows
        </Button>
      </div>
    </div>
  );
}

interface SampleFormProps {
  terms: typeof FIRST;
  onChange: (next: Partial<typeof FIRST>) => void;
}

function SampleForm({ terms, onChange }: SampleFormProps) {
  return (
    <div className={watch.fields}>
      <NativeSelect
        size="xs"
        label="Take"
        data={[...HOW]}
        value={terms.how}
        onChange={(event) => onChange({ how: event.currentTarget.value as How })}
      />
      <NumberInput
        size="xs"
        label="Rows at most"
        min={1}
        max={100_000}
        value={terms.size}
        onChange={(value) => onChange({ size: Number(value) || 1 })}
      />
      {terms.how === "stratified" && (
        <TextInput
          size="xs"
          label="Kind by column"
          placeholder="route, served_model, tags.area"
          value={terms.by}
          onChange={(event) => onChange({ by: event.currentTarget.value })}
        />
      )}
      <NativeSelect
        size="xs"
        label="Input"
        data={[
          { value: "messages", label: "all messages" },
          { value: "question", label: "the last question" },
        ]}
        value={terms.input}
        onChange={(event) => onChange({ input: event.currentTarget.value as typeof terms.input })}
      />
      <NativeSelect
        size="xs"
        label="Reference"
        data={[
          { value: "none", label: "none" },
          { value: "output", label: "what was answered" },
          ...(terms.reference.startsWith("score:")
            ? [{ value: terms.reference, label: terms.reference }]
            : []),
        ]}
        value={terms.reference}
        onChange={(event) => onChange({ reference: event.currentTarget.value })}
      />
      <NativeSelect
        size="xs"
        label="Rows belong together by"
        data={["session", "trace", "none"]}
        value={terms.group}
        onChange={(event) => onChange({ group: event.currentTarget.value as typeof terms.group })}
      />
      <Checkbox
        size="xs"
        label="Each question once"
        checked={terms.distinct}
        onChange={(event) => onChange({ distinct: event.currentTarget.checked })}
      />
      <Checkbox
        size="xs"
        label="Mask personal data"
        checked={terms.mask}
        onChange={(event) => onChange({ mask: event.currentTarget.checked })}
      />
    </div>
  );
}
