import { ActionIcon, Autocomplete, NativeSelect, NumberInput, TagsInput, TextInput } from "@mantine/core";
import { Icon } from "@/components/icons";
import { QueryField } from "@/components/query-field/query-field";
import { useCatalog } from "../queries";
import type { WidgetQuery } from "../types";
import classes from "./form.module.css";

interface QueryFormProps {
  query: WidgetQuery;
  /** What this kind of widget cannot have is not asked for. */
  only?: "field" | "metric";
  onChange: (query: WidgetQuery) => void;
  onRemove?: () => void;
}

export const POPULATION_LABELS: Record<WidgetQuery["population"], string> = {
  calls: "Calls to the gateway",
  model_calls: "Requests to models",
  traces: "Traces",
  spans: "All spans",
  scores: "Scores",
};

const BARE = ["count", "rate", "share"];
const STEPS = [
  { value: "", label: "As fits the window" },
  { value: "60000000", label: "1 minute" },
  { value: "300000000", label: "5 minutes" },
  { value: "900000000", label: "15 minutes" },
  { value: "3600000000", label: "1 hour" },
  { value: "21600000000", label: "6 hours" },
  { value: "86400000000", label: "1 day" },
];

export function QueryForm({ query, only, onChange, onRemove }: QueryFormProps) {
  const { data: catalog } = useCatalog();
  const change = (next: Partial<WidgetQuery>) => onChange({ ...query, ...next });
  const aggregate = (aggregation: WidgetQuery["aggregation"]) =>
    change({
      aggregation,
      field: BARE.includes(aggregation) ? null : (query.field ?? "duration"),
      of: aggregation === "share" ? (query.of ?? "status:(error, interrupted)") : null,
    });
  const bare = BARE.includes(query.aggregation);
  return (
    <fieldset className={classes.query}>
      <div className={classes.fields}>
        <NativeSelect
          size="xs"
          label="Of"
          value={query.population}
          data={Object.entries(POPULATION_LABELS).map(([value, label]) => ({ value, label }))}
          onChange={(event) => change({ population: event.currentTarget.value as WidgetQuery["population"] })}
        />
        {only !== "field" && (
          <NativeSelect
            size="xs"
            label="Aggregation"
            value={query.aggregation}
            data={catalog?.aggregations ?? [query.aggregation]}
            onChange={(event) => aggregate(event.currentTarget.value as WidgetQuery["aggregation"])}
          />
        )}
        {(only === "field" || !bare) && (
          <Autocomplete
            size="xs"
            label="Field"
            value={query.field ?? ""}
            placeholder="duration"
            data={catalog?.fields.map((field) => field.name) ?? []}
            onChange={(field) => change({ field: field || null })}
          />
        )}
        {only === undefined && (
          <TagsInput
            size="xs"
            label="Grouped by"
            maxTags={2}
            value={query.group_by ?? []}
            data={catalog?.group_by.map((field) => field.name) ?? []}
            onChange={(group_by) => change({ group_by })}
            acceptValueOnBlur
          />
        )}
      </div>
      {query.aggregation === "share" && only !== "field" && (
        <Labelled text="Share with">
          <QueryField
            inForm
            label="Share with"
            placeholder="status:error"
            value={query.of ?? ""}
            onChange={(of) => change({ of: of ?? "" })}
          />
        </Labelled>
      )}
      <Labelled text="Where">
        <QueryField
          inForm
          label="Where"
          placeholder="All. Narrow with model:gpt* status:error …"
          value={query.q}
          onChange={(q) => change({ q: q ?? "" })}
        />
      </Labelled>
      {only !== "metric" && (
        <div className={classes.fields}>
          <TextInput
            size="xs"
            label="Called in the legend"
            value={query.label}
            onChange={(event) => change({ label: event.currentTarget.value })}
          />
          <NativeSelect
            size="xs"
            label="Step"
            value={query.step ? String(query.step) : ""}
            data={STEPS}
            onChange={(event) => change({ step: Number(event.currentTarget.value) || null })}
          />
          {(query.group_by?.length ?? 0) > 0 && (
            <NumberInput
              size="xs"
              label="Groups at most"
              min={1}
              max={100}
              value={query.top}
              onChange={(top) => change({ top: Number(top) || 10 })}
            />
          )}
          {onRemove && (
            <ActionIcon
              variant="subtle"
              color="gray"
              mt={22}
              aria-label="Remove this series"
              onClick={onRemove}
            >
              <Icon name="trash" size={14} />
            </ActionIcon>
          )}
        </div>
      )}
    </fieldset>
  );
}

export function Labelled({ text, children }: { text: string; children: React.ReactNode }) {
  return (
    <div>
      <div className={classes.label} aria-hidden="true">
        {text}
      </div>
      {children}
    </div>
  );
}
