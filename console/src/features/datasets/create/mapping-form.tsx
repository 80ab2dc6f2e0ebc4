import { MultiSelect, Select } from "@mantine/core";
import watch from "@/components/watch.module.css";
import type { FieldMapping } from "../types";

interface MappingFormProps {
  columns: readonly string[];
  mapping: FieldMapping;
  onChange: (mapping: FieldMapping) => void;
}

const MANY = ["input", "reference", "metadata"] as const;
const ONE = ["context", "id", "group", "split"] as const;
const SAYS: Record<string, string> = {
  input: "what is asked; several become an object",
  reference: "what a good answer is",
  metadata: "for slices",
  context: "texts the answer may rest on",
  id: "stays the same in all versions",
  group: "rows that belong together",
  split: "train, test, …",
};

/** Which columns are what. */
export function MappingForm({ columns, mapping, onChange }: MappingFormProps) {
  // A dotted name that leads into an object is no column, and stays to be chosen.
  const known = [...new Set([...columns, ...Object.values(mapping).flatMap((value) => value ?? [])])];
  const change = (next: Partial<FieldMapping>) => onChange({ ...mapping, ...next });
  return (
    <div className={watch.fields}>
      {MANY.map((field) => (
        <MultiSelect
          key={field}
          size="xs"
          label={field[0]?.toUpperCase() + field.slice(1)}
          description={SAYS[field]}
          searchable
          data={known}
          value={listOf(mapping[field])}
          onChange={(names) =>
            (names.length || field !== "input") &&
            change({ [field]: names.length < 2 ? (names[0] ?? null) : names })
          }
        />
      ))}
      {ONE.map((field) => (
        <Select
          key={field}
          size="xs"
          label={field[0]?.toUpperCase() + field.slice(1)}
          description={SAYS[field]}
          clearable
          searchable
          data={known}
          value={mapping[field] ?? null}
          onChange={(name) => change({ [field]: name })}
        />
      ))}
    </div>
  );
}

function listOf(value: string | string[] | null | undefined): string[] {
  return value === null || value === undefined ? [] : Array.isArray(value) ? value : [value];
}
