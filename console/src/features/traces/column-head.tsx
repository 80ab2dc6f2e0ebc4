import { Popover } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icons";
import { parseFilter } from "@/lib/filters";
import { headOf, META } from "./columns";
import { FilterForm } from "./filter-form";
import type { TracesSearch } from "./search";
import classes from "./traces.module.css";

interface ColumnHeadProps {
  id: string;
  search: TracesSearch;
  names: Record<string, string>;
  onChange: (next: TracesSearch) => void;
}

/** The name of a column; a click opens its filter. */
export function ColumnHead({ id, search, names, onChange }: ColumnHeadProps) {
  const [opened, setOpened] = useState(false);
  const meta = META[id];
  const className = meta?.numeric ? classes.numeric : classes.cell;
  if (!meta?.filter) {
    return (
      <div role="columnheader" className={className}>
        {headOf(id)}
      </div>
    );
  }
  const { filter: column } = meta;
  const active = search.filter?.some((text) => parseFilter(text)?.column === column);
  return (
    <div role="columnheader" className={className}>
      <Popover opened={opened} onChange={setOpened} position="bottom-start" width={260} trapFocus>
        <Popover.Target>
          <button
            type="button"
            className={classes.headButton}
            data-active={active || undefined}
            aria-label={`Filter by ${meta.label}`}
            onClick={() => setOpened(!opened)}
          >
            {headOf(id)} <Icon name="filter" size={12} />
          </button>
        </Popover.Target>
        <Popover.Dropdown p={10}>
          <FilterForm
            column={column}
            filters={search.filter ?? []}
            names={names}
            onApply={(filter) => {
              onChange({ filter });
              setOpened(false);
            }}
          />
        </Popover.Dropdown>
      </Popover>
    </div>
  );
}
