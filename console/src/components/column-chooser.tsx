import { ActionIcon, Checkbox, Menu, ScrollArea, Tooltip } from "@mantine/core";
import { Icon } from "./icons";
import type { RowColumn } from "./rows/columns";

interface ColumnChooserProps<Row> {
  columns: readonly RowColumn<Row>[];
  shown: readonly RowColumn<Row>[];
  /** Ids, joined by commas; null: the usual ones. */
  onChange: (chosen: string | null) => void;
}

export function ColumnChooser<Row>({ columns, shown, onChange }: ColumnChooserProps<Row>) {
  const ids = shown.map((column) => column.id);
  const toggle = (id: string, on: boolean) => {
    const next = columns.map((column) => column.id).filter((one) => (one === id ? on : ids.includes(one)));
    if (next.length) onChange(next.join(","));
  };
  return (
    <Menu position="bottom-end" closeOnItemClick={false} width={190}>
      <Menu.Target>
        <Tooltip label="Columns">
          <ActionIcon variant="default" size={30} aria-label="Columns">
            <Icon name="columns" size={14} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah="60vh" type="auto">
          {columns.map((column) => (
            <Menu.Item key={column.id} component="div" py={4}>
              <Checkbox
                size="xs"
                label={column.label}
                checked={ids.includes(column.id)}
                onChange={(event) => toggle(column.id, event.currentTarget.checked)}
              />
            </Menu.Item>
          ))}
        </ScrollArea.Autosize>
        <Menu.Divider />
        <Menu.Item onClick={() => onChange(null)}>The usual columns</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
