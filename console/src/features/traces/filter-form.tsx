import {
  Button,
  Checkbox,
  Group,
  NativeSelect,
  ScrollArea,
  Skeleton,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import {
  columnOf,
  type Filter,
  listOf,
  needsValue,
  OPERATOR_LABELS,
  type Operator,
  operatorsOf,
  parseFilter,
  readTyped,
  withFilter,
} from "@/lib/filters";
import { formatCompact } from "@/lib/format";
import { useFacets } from "./rows";

interface FilterFormProps {
  column: string;
  filters: readonly string[];
  names: Record<string, string>;
  onApply: (filters: string[] | undefined) => void;
}

const EXAMPLES = {
  duration: "2s, 350ms",
  money: "$0.01",
  count: "1000, 1.5k",
  category: "",
  text: "",
  flag: "",
};

/** The filter of one column: an operator, and a value typed in or picked from those that occur. */
export function FilterForm({ column, filters, names, onApply }: FilterFormProps) {
  const { type, label } = columnOf(column);
  const own = filters.map(parseFilter).find((filter) => filter?.column === column) ?? null;
  const operators = operatorsOf(type);
  const [operator, setOperator] = useState<Operator>(own?.operator ?? operators[0] ?? "eq");
  const [picked, setPicked] = useState<string[]>(own?.operator === "in" ? listOf(own.value) : []);
  const [text, setText] = useState(own && own.operator !== "in" ? typedForm(own) : "");
  const value = filterValue(
    operator,
    picked,
    type === "flag" ? text || "true" : (readTyped(type, text) ?? ""),
  );
  const valid = !needsValue(operator) || value !== "";
  const others = filters.filter((one) => parseFilter(one)?.column !== column);
  const apply = () => {
    if (valid) onApply(withFilter(filters, { column, operator, value }));
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <Stack gap={8}>
        <NativeSelect
          size="xs"
          label={label}
          data={operators.map((one) => ({ value: one, label: OPERATOR_LABELS[one] }))}
          value={operator}
          onChange={(event) => setOperator(event.currentTarget.value as Operator)}
        />
        {operator === "in" && <FacetList column={column} names={names} picked={picked} onPick={setPicked} />}
        {type === "flag" && (
          <NativeSelect
            size="xs"
            aria-label="Value"
            data={[
              { value: "true", label: "yes" },
              { value: "false", label: "no" },
            ]}
            value={text || "true"}
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        {type !== "flag" && operator !== "in" && needsValue(operator) && (
          <TextInput
            size="xs"
            aria-label="Value"
            data-autofocus
            placeholder={EXAMPLES[type]}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            error={text !== "" && !valid ? `Write it like ${EXAMPLES[type]}.` : undefined}
          />
        )}
        <Group gap={6} justify="flex-end">
          {own && (
            <Button
              size="compact-xs"
              variant="subtle"
              color="gray"
              onClick={() => onApply(others.length ? others : undefined)}
            >
              Remove
            </Button>
          )}
          <Button size="compact-xs" type="submit" disabled={!valid}>
            Apply
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function filterValue(operator: Operator, picked: readonly string[], typed: string): string {
  if (!needsValue(operator)) return "";
  return operator === "in" ? picked.join(",") : typed;
}

/** A filter's value as a person would have typed it. */
function typedForm(filter: Filter): string {
  const { type } = columnOf(filter.column);
  if (type === "duration") return `${Number(filter.value) / 1000}ms`;
  if (type === "money") return `$${Number(filter.value) / 1_000_000_000}`;
  return filter.value;
}

interface FacetListProps {
  column: string;
  names: Record<string, string>;
  picked: string[];
  onPick: (picked: string[]) => void;
}

function FacetList({ column, names, picked, onPick }: FacetListProps) {
  const { data, isPending, error } = useFacets(column, true);
  if (isPending) return <Skeleton height={80} />;
  if (error) return <Text fz="xs">{error.message} Choose another operator and type the value.</Text>;
  // A value with a comma cannot stand in a list.
  const values = data.filter(
    (facet) => facet.value !== null && facet.value !== undefined && !String(facet.value).includes(","),
  );
  if (values.length === 0)
    return (
      <Text fz="xs" c="dimmed">
        No call in this time range has one.
      </Text>
    );
  return (
    <ScrollArea.Autosize mah={220} type="auto">
      <Stack gap={5} py={2}>
        {values.map((facet) => {
          const value = String(facet.value);
          return (
            <Group key={value} justify="space-between" wrap="nowrap" gap={8} pr={10}>
              <Checkbox
                size="xs"
                styles={{ label: { overflowWrap: "anywhere" } }}
                label={names[value] ?? value}
                checked={picked.includes(value)}
                onChange={(event) =>
                  onPick(
                    event.currentTarget.checked ? [...picked, value] : picked.filter((one) => one !== value),
                  )
                }
              />
              <Text fz="xs" c="dimmed">
                {formatCompact(facet.count)}
              </Text>
            </Group>
          );
        })}
      </Stack>
    </ScrollArea.Autosize>
  );
}
