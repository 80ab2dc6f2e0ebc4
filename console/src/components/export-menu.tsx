import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { Icon } from "./icons";

const FORMATS = [
  { id: "jsonl", label: "JSON lines", about: "every field, one record a line" },
  { id: "csv", label: "CSV", about: "for a spreadsheet" },
  { id: "parquet", label: "Parquet", about: "for DuckDB, pandas, Spark" },
] as const;

interface ExportMenuProps {
  /** Path of the API. */
  path: string;
  params: Record<string, string | number | readonly string[] | undefined>;
  label?: string;
}

/** The address of an export; the browser downloads it as it streams. */
export function exportUrl(path: string, format: string, params: ExportMenuProps["params"]): string {
  const search = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    if (typeof value === "object") for (const one of value) search.append(name, one);
    else search.append(name, String(value));
  }
  return `${path}?${search}`;
}

/** Everything that the current filter shows, as a file. */
export function ExportMenu({ path, params, label = "Export" }: ExportMenuProps) {
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <Tooltip label={label}>
          <ActionIcon variant="default" size={30} aria-label={label}>
            <Icon name="download" size={14} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {FORMATS.map((format) => (
          <Menu.Item key={format.id} component="a" href={exportUrl(path, format.id, params)} download>
            {format.label} <span className="faint">{format.about}</span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
