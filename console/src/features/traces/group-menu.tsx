import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { Icon } from "@/components/icons";
import { FACET_COLUMNS } from "./facets";

/** By what calls are usually counted; `tags.NAME` works in the address too. */
const COLUMNS = [...FACET_COLUMNS, { id: "session", label: "Session" }, { id: "user", label: "User" }];

interface GroupMenuProps {
  group: string | undefined;
  onChange: (group: string | undefined) => void;
}

/** Counts in groups of one or two columns instead of a list. */
export function GroupMenu({ group, onChange }: GroupMenuProps) {
  const chosen = group?.split(",") ?? [];
  const toggle = (id: string) => {
    const next = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen.slice(-1), id];
    onChange(next.length ? next.join(",") : undefined);
  };
  return (
    <Menu position="bottom-end" width={190} closeOnItemClick={false}>
      <Menu.Target>
        <Tooltip label="Group by">
          <ActionIcon variant={group ? "light" : "default"} size={30} aria-label="Group by">
            <Icon name="group" size={14} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Group by one or two</Menu.Label>
        {COLUMNS.map((column) => (
          <Menu.Item
            key={column.id}
            py={4}
            onClick={() => toggle(column.id)}
            rightSection={chosen.includes(column.id) ? <Icon name="check" size={13} /> : null}
          >
            {column.label}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item closeMenuOnClick disabled={!group} onClick={() => onChange(undefined)}>
          Show single calls
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** What a column of a grouping is called. */
export function labelOfGroup(id: string): string {
  return COLUMNS.find((column) => column.id === id)?.label ?? id;
}
