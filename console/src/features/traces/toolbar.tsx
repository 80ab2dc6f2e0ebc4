import { ActionIcon, Tooltip } from "@mantine/core";
import type { TraceRow } from "@/api/types";
import { ColumnChooser } from "@/components/column-chooser";
import { ExportMenu } from "@/components/export-menu";
import { Icon } from "@/components/icons";
import { faultOf } from "@/components/query-field/fault";
import { QueryField } from "@/components/query-field/query-field";
import type { RowColumn } from "@/components/rows/columns";
import { ViewsMenu } from "@/components/views-menu";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { describeFilter, parseFilter } from "@/lib/filters";
import { useSignedIn } from "@/lib/session";
import { type RangeSearch, windowOf } from "@/lib/time-range";
import { presetOfWindow, windowToKeep } from "@/lib/views";
import { COLUMNS } from "./columns";
import { GroupMenu } from "./group-menu";
import type { TracesSearch } from "./search";
import classes from "./traces.module.css";

interface ToolbarProps {
  search: TracesSearch;
  names: Record<string, string>;
  /** What is wrong with the filter, if anything. */
  error: Error | null;
  shown: readonly RowColumn<TraceRow>[];
  facets: boolean;
  onFacets: (open: boolean) => void;
  onColumns: (chosen: string | null) => void;
  onChange: (next: TracesSearch & RangeSearch) => void;
}

export function Toolbar(props: ToolbarProps) {
  const { search, names, onChange } = props;
  const { range } = useAddress();
  const { project } = useSignedIn();
  const window = windowOf(range, nowMicroseconds());
  return (
    <div className={classes.bar}>
      <Tooltip label={props.facets ? "Hide the values" : "Show the values that occur"}>
        <ActionIcon
          className={classes.wide}
          variant={props.facets ? "light" : "default"}
          size={30}
          aria-label="Values that occur"
          aria-pressed={props.facets}
          onClick={() => props.onFacets(!props.facets)}
        >
          <Icon name="facets" size={14} />
        </ActionIcon>
      </Tooltip>
      <QueryField
        value={search.q}
        onChange={(q) => onChange({ q })}
        fault={faultOf(props.error)}
        label="Filter traces"
        placeholder="Filter: status:error model:claude* cost>0.01 latency>2s, or words to search for"
        pageSearch
      />
      <div className={classes.tools}>
        <ViewsMenu
          page="traces"
          current={{
            q: search.q ?? "",
            columns: props.shown.map((column) => column.id),
            sort: search.sort ?? null,
            window: windowToKeep(range),
          }}
          onApply={(view) => {
            const preset = presetOfWindow(view.window);
            onChange({
              q: view.q || undefined,
              filter: undefined,
              cols: view.columns?.length ? view.columns.join(",") : undefined,
              sort: view.sort ?? undefined,
              group: undefined,
              ...(preset ? { range: preset, from: undefined, to: undefined } : {}),
            });
          }}
        />
        <GroupMenu group={search.group} onChange={(group) => onChange({ group })} />
        <span className={classes.wide}>
          <ColumnChooser columns={COLUMNS} shown={props.shown} onChange={props.onColumns} />
        </span>
        <ExportMenu
          path="/api/v1/exports/traces"
          params={{
            project: project.id,
            from: window.from,
            to: window.to,
            q: search.q,
            filter: search.filter,
          }}
        />
      </div>
      <Chips filters={search.filter ?? []} names={names} onChange={onChange} />
    </div>
  );
}

interface ChipsProps {
  filters: readonly string[];
  names: Record<string, string>;
  onChange: (next: TracesSearch) => void;
}

/** What a link of another page narrowed the list to. */
function Chips({ filters, names, onChange }: ChipsProps) {
  if (filters.length === 0) return null;
  return (
    <div className={classes.chips}>
      {filters.map((text) => {
        const filter = parseFilter(text);
        const label = filter ? describeFilter(filter, names) : text;
        const others = filters.filter((one) => one !== text);
        return (
          <span key={text} className={classes.chip}>
            <span className="cut" title={label}>
              {label}
            </span>
            <button
              type="button"
              aria-label={`Remove: ${label}`}
              onClick={() => onChange({ filter: others.length ? others : undefined })}
            >
              <Icon name="close" size={11} />
            </button>
          </span>
        );
      })}
      {filters.length > 1 && (
        <button type="button" className={classes.clear} onClick={() => onChange({ filter: undefined })}>
          Clear
        </button>
      )}
    </div>
  );
}
