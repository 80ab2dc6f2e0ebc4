import { Button, Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { exportUrl } from "@/components/export-menu";
import { Icon } from "@/components/icons";
import { useSignedIn } from "@/lib/session";
import type { Ticked } from "./selection";
import classes from "./traces.module.css";

/** What can be done with the rows that were ticked. */
export function SelectionBar({ ticked }: { ticked: Ticked }) {
  const { project, may } = useSignedIn();
  const navigate = useNavigate();
  // A row's key is `trace/span`.
  const ids = [...new Set(ticked.keys.map((key) => key.split("/")[0] ?? ""))];
  if (ids.length === 0) return null;
  const [a, b] = ids;
  const q = ids.length === 1 ? `trace_id:${a}` : `trace_id:(${ids.join(", ")})`;
  return (
    <div className={classes.selection} role="status">
      <b>{ids.length} selected</b>
      <Menu position="bottom-start" width={150}>
        <Menu.Target>
          <Button size="compact-sm" variant="default" leftSection={<Icon name="download" size={13} />}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {["jsonl", "csv", "parquet"].map((format) => (
            <Menu.Item
              key={format}
              component="a"
              download
              href={exportUrl("/api/v1/exports/spans", format, { project: project.id, q })}
            >
              {{ jsonl: "JSON lines", csv: "CSV", parquet: "Parquet" }[format]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<Icon name="compare" size={13} />}
        disabled={ids.length !== 2}
        title={ids.length === 2 ? undefined : "Select two to compare them"}
        onClick={() => void navigate({ to: "/traces/compare", search: { a, b } })}
      >
        Compare
      </Button>
      {may("datasets:write") && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<Icon name="datasets" size={13} />}
          onClick={() => void navigate({ to: "/datasets", search: { create: "traces", traces: q } })}
        >
          Add to dataset
        </Button>
      )}
      {may("annotation:write") && (
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<Icon name="annotation" size={13} />}
          onClick={() => void navigate({ to: "/annotation", search: { traces: q } })}
        >
          Annotate
        </Button>
      )}
      <Button size="compact-sm" variant="subtle" color="gray" onClick={ticked.clear}>
        Clear
      </Button>
    </div>
  );
}
