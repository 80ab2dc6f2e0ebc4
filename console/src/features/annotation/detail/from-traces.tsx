import { Button, Checkbox, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
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
import type { AddForm } from "./add-panel";

const HOW = [
  { value: "random", label: "some at random" },
  { value: "newest", label: "the newest" },
  { value: "stratified", label: "at random of each kind" },
] as const;
const FIRST = {
  how: "random" as (typeof HOW)[number]["value"],
  size: 200,
  by: "route",
  input: "messages" as "messages" | "question",
  distinct: true,
  mask: true,
};
const MOST = 5_000;

/** Calls of the bar's time range, sampled; their answers are what is judged. */
export function FromTraces({ form, filter }: { form: AddForm; filter: string | undefined }) {
  const { range } = useAddress();
  const { may } = useSignedIn();
  const [q, setQ] = useState(filter ?? "");
  const [terms, setTerms] = useState(FIRST);
  const change = (next: Partial<typeof FIRST>) => setTerms({ ...terms, ...next });
  const { how, size, by, ...rest } = terms;
  const wanted = {
    q,
    of: "calls" as const,
    reference: "output",
    group: "none" as const,
    metadata: [],
    ...rest,
    sample: {
      how,
      size,
      by: how === "stratified" ? by : null,
      balance: "proportional" as const,
      // Another draw each day would be another sample each day: the same search gives the same items.
      seed: 0,
    },
  };
  const found = useMatching(wanted);
  if (!may("traces:read"))
    return <p className="dim">Items would show what was recorded, and your role lacks traces:read.</p>;
  const fault = faultOf(found.error);
  const matching = found.data?.matching ?? 0;
  return (
    <form
      className={watch.stack}
      aria-label="Items from traces"
      onSubmit={(event) => {
        event.preventDefault();
        form.onAdd({ traces: { ...wanted, ...windowOf(range, nowMicroseconds()) } });
      }}
    >
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
      <div className={watch.fields}>
        <NativeSelect
          size="xs"
          label="Take"
          data={[...HOW]}
          value={how}
          onChange={(event) => change({ how: event.currentTarget.value as typeof how })}
        />
        <NumberInput
          size="xs"
          label="Items at most"
          min={1}
          max={MOST}
          value={size}
          onChange={(value) => change({ size: Number(value) || 1 })}
        />
        {how === "stratified" && (
          <TextInput
            size="xs"
            label="Kind by column"
            placeholder="route, served_model, tags.area"
            value={by}
            onChange={(event) => change({ by: event.currentTarget.value })}
          />
        )}
        <NativeSelect
          size="xs"
          label="Show"
          data={[
            { value: "messages", label: "all messages" },
            { value: "question", label: "the last question" },
          ]}
          value={terms.input}
          onChange={(event) => change({ input: event.currentTarget.value as typeof terms.input })}
        />
        <Checkbox
          size="xs"
          label="Each question once"
          checked={terms.distinct}
          onChange={(event) => change({ distinct: event.currentTarget.checked })}
        />
        <Checkbox
          size="xs"
          label="Hide personal data"
          checked={terms.mask}
          onChange={(event) => change({ mask: event.currentTarget.checked })}
        />
      </div>
      {found.error && !fault && <Failure error={found.error} />}
      <div className={watch.bar}>
        <span className="dim" role="status">
          {found.data && !fault ? `${formatCount(matching)} calls fit.` : ""}
        </span>
        <span className={watch.push} />
        <Button size="xs" type="submit" disabled={matching === 0 || fault !== null} loading={form.loading}>
          Add to the queue
        </Button>
      </div>
    </form>
  );
}

/** How many calls of the time range fit. */
function useMatching<Wanted extends { q: string }>(wanted: Wanted) {
  const { range } = useAddress();
  const { project, may } = useSignedIn();
  const [asked] = useDebouncedValue(wanted, 400);
  return useQuery({
    queryKey: ["annotation-traces", project.id, range, asked],
    queryFn: async ({ signal }) => {
      const body = { ...asked, ...windowOf(range, nowMicroseconds()) };
      const params = { query: { project: project.id } };
      return bodyOf(
        await api.POST("/api/v1/datasets/from-traces/preview", { params, body: body as never, signal }),
      );
    },
    enabled: may("traces:read"),
    placeholderData: keepPreviousData,
    retry: false,
  });
}
