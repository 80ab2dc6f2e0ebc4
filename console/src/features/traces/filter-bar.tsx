import { ActionIcon, Checkbox, Menu, Popover, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedCallback, useMediaQuery } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
import { Icon } from "@/components/icons";
import { describeFilter, FILTER_COLUMNS, type FilterColumn, parseFilter } from "@/lib/filters";
import { COLUMN_IDS, META, visibleColumns } from "./columns";
import { FilterForm } from "./filter-form";
import type { TracesSearch } from "./search";
import classes from "./traces.module.css";

interface FilterBarProps {
  search: TracesSearch;
  names: Record<string, string>;
  onChange: (next: TracesSearch) => void;
}

/** Full-text search, the filters that hold, and the choice of columns. */
export function FilterBar({ search, names, onChange }: FilterBarProps) {
  const filters = search.filter ?? [];
  const set = (next: string[]) => onChange({ filter: next.length ? next : undefined });
  return (
    <div className={classes.bar}>
      <SearchBox q={search.q} onChange={(q) => onChange({ q })} />
      <AddFilter filters={filters} names={names} onApply={(filter) => onChange({ filter })} />
      {filters.map((text) => {
        const filter = parseFilter(text);
        const label = filter ? describeFilter(filter, names) : text;
        return (
          <span key={text} className={classes.chip}>
            <span className="cut" title={label}>
              {label}
            </span>
            <button
              type="button"
              aria-label={`Remove: ${label}`}
              onClick={() => set(filters.filter((one) => one !== text))}
            >
              <Icon name="close" size={11} />
            </button>
          </span>
        );
      })}
      {filters.length > 1 && (
        <button type="button" className={classes.clear} onClick={() => set([])}>
          Clear
        </button>
      )}
      <span className={classes.push} />
      <ColumnMenu cols={search.cols} onChange={(cols) => onChange({ cols })} />
    </div>
  );
}

function SearchBox({ q, onChange }: { q: string | undefined; onChange: (q: string | undefined) => void }) {
  const [text, setText] = useState(q ?? "");
  const sent = useRef(q ?? "");
  const send = useDebouncedCallback((next: string) => {
    sent.current = next.trim();
    onChange(sent.current || undefined);
  }, 350);
  useEffect(() => {
    // The address changed from elsewhere (back, the palette): show what it says.
    if ((q ?? "") === sent.current) return;
    sent.current = q ?? "";
    setText(q ?? "");
  }, [q]);
  return (
    <TextInput
      data-page-search
      className={classes.search}
      size="xs"
      aria-label="Search input and output"
      placeholder="Search input and output"
      leftSection={<Icon name="search" size={14} />}
      rightSection={
        text ? (
          <ActionIcon
            size="xs"
            variant="subtle"
            color="gray"
            aria-label="Clear the search"
            onClick={() => {
              setText("");
              send("");
            }}
          >
            <Icon name="close" size={12} />
          </ActionIcon>
        ) : (
          <kbd className="faint">/</kbd>
        )
      }
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        send(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") event.currentTarget.blur();
        if (event.key === "Enter") send.flush();
      }}
    />
  );
}

interface AddFilterProps {
  filters: readonly string[];
  names: Record<string, string>;
  onApply: (filters: string[] | undefined) => void;
}

function AddFilter({ filters, names, onApply }: AddFilterProps) {
  const [opened, setOpened] = useState(false);
  const [column, setColumn] = useState<FilterColumn | null>(null);
  const toggle = (next: boolean) => {
    setOpened(next);
    if (!next) setColumn(null);
  };
  return (
    <Popover opened={opened} onChange={toggle} position="bottom-start" width={260} trapFocus>
      <Popover.Target>
        <button type="button" className={classes.add} onClick={() => toggle(!opened)}>
          <Icon name="filter" size={13} /> Filter
        </button>
      </Popover.Target>
      <Popover.Dropdown p={column ? 10 : 6}>
        {column ? (
          <FilterForm
            column={column.id}
            filters={filters}
            names={names}
            onApply={(next) => {
              onApply(next);
              toggle(false);
            }}
          />
        ) : (
          <div className={classes.columnList}>
            {FILTER_COLUMNS.map((one) => (
              <button type="button" key={one.id} onClick={() => setColumn(one)}>
                {one.label}
              </button>
            ))}
          </div>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function ColumnMenu({
  cols,
  onChange,
}: {
  cols: string | undefined;
  onChange: (cols: string | undefined) => void;
}) {
  const wide = useMediaQuery("(min-width: 1640px)") ?? false;
  const shown = visibleColumns(cols, wide);
  const toggle = (id: string, on: boolean) => {
    const next = COLUMN_IDS.filter((one) => (one === id ? on : shown.includes(one)));
    if (next.length)
      onChange(next.join(",") === visibleColumns(undefined, wide).join(",") ? undefined : next.join(","));
  };
  return (
    <Menu position="bottom-end" closeOnItemClick={false} width={190}>
      <Menu.Target>
        <Tooltip label="Columns">
          <ActionIcon variant="default" size={28} aria-label="Columns" className={classes.columnsButton}>
            <Icon name="columns" size={14} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {COLUMN_IDS.map((id) => (
          <Menu.Item key={id} component="div" py={4}>
            <Checkbox
              size="xs"
              label={META[id]?.label}
              checked={shown.includes(id)}
              onChange={(event) => toggle(id, event.currentTarget.checked)}
            />
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => onChange(undefined)}>The usual columns</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
