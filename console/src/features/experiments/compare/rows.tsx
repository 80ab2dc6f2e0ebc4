/** The rows behind the figures: a list in the order of how a metric changed, and one of them in full. */

import { NativeSelect } from "@mantine/core";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import type { RowColumn } from "@/components/rows/columns";
import rowClasses from "@/components/rows/rows.module.css";
import { RowsTable } from "@/components/rows/rows-table";
import { useKeys } from "@/lib/keys";
import { useDifferences } from "../queries";
import type { ExperimentSearch, Order } from "../search";
import type { Change, Differences, Experiment, RowDifference, Summary, Unit } from "../types";
import { formatDifference, formatValue, lessIsBetter } from "../words";
import classes from "./compare.module.css";
import { RowDetail } from "./row-detail";

interface RowsProps {
  experiment: Experiment;
  summary: Summary | undefined;
  search: ExperimentSearch;
  onChange: (next: ExperimentSearch) => void;
}

const keyOf = (row: RowDifference) => String(row.position);

export function Rows({ experiment, summary, search, onChange }: RowsProps) {
  const metrics = numericMetrics(summary);
  const metric = metrics.find((one) => one.name === search.metric) ?? metrics[0];
  const order = search.order ?? (metric && lessIsBetter(metric.name) ? "rise" : "fall");
  const list = useDifferences(experiment.id, {
    metric: metric?.name,
    variant: search.variant,
    order,
    change: search.change,
  });
  const head = list.data?.pages[0];
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const at = rows.findIndex((row) => keyOf(row) === search.row);
  const move = (step: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) onChange({ row: keyOf(next) });
  };
  useKeys({ j: () => move(1), k: () => move(-1), arrowdown: () => move(1), arrowup: () => move(-1) });
  if (!metric)
    return (
      <div className="card">
        <Empty title="No row has a value yet." icon="experiments">
          <p>Rows come here as soon as answers are judged.</p>
        </Empty>
      </div>
    );
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />;
  const columns = columnsOf(metric, head, experiment);
  return (
    <div className={classes.rowsPage} data-open={search.row !== undefined || undefined}>
      <div className={classes.rowsList}>
        <Controls
          metrics={metrics.map((one) => one.name)}
          metric={metric.name}
          order={order}
          change={search.change}
          head={head}
          experiment={experiment}
          onChange={onChange}
        />
        <RowsTable
          label="Rows"
          rows={rows}
          columns={search.row === undefined ? columns : columns.slice(0, 3)}
          keyOf={keyOf}
          onOpen={(row) => onChange({ row: keyOf(row) })}
          loading={list.isPending}
          cursor={search.row ?? null}
          more={{
            has: list.hasNextPage,
            loading: list.isFetchingNextPage,
            error: list.isFetchNextPageError ? list.error : null,
            load: () => void list.fetchNextPage(),
            words: { loading: "Loading more rows…", end: "No more rows." },
          }}
          compactHeight={56}
          compact={(row) => <Compact row={row} unit={metric.unit} metric={metric.name} />}
          empty={<Empty title="No row is like this." icon="search" />}
        />
      </div>
      {search.row !== undefined && (
        <RowDetail
          experiment={experiment}
          position={Number(search.row)}
          variant={head?.variant}
          onClose={() => onChange({ row: undefined })}
        />
      )}
    </div>
  );
}

interface NamedMetric {
  name: string;
  unit: Unit;
}

/** Metrics that rows can be ordered by, those of evaluators first. */
function numericMetrics(summary: Summary | undefined): NamedMetric[] {
  const found = new Map<string, Unit>();
  for (const variant of summary?.variants ?? [])
    for (const one of variant.metrics)
      if (!Object.keys(one.labels ?? {}).length) found.set(one.metric, one.unit);
  return [...found].map(([name, unit]) => ({ name, unit }));
}

function columnsOf(
  { name, unit }: NamedMetric,
  head: Differences | undefined,
  experiment: Experiment,
): RowColumn<RowDifference>[] {
  const pair = head && head.variant !== head.baseline;
  const variants = experiment.spec.variants.map((one) => one.name);
  const difference: RowColumn<RowDifference>[] = pair
    ? [
        {
          id: "difference",
          label: "Difference",
          width: 100,
          numeric: true,
          cell: (row) => <Changed row={row} unit={unit} metric={name} />,
        },
      ]
    : [
        {
          id: "value",
          label: name,
          width: 100,
          numeric: true,
          cell: (row) => formatValue(row.values[head?.variant ?? ""], unit),
        },
      ];
  return [
    { id: "row", label: "Row", width: 110, cell: (row) => <span title={row.id}>{shortId(row)}</span> },
    ...difference,
    { id: "input", label: "Input", width: 260, cell: (row) => <span title={row.input}>{row.input}</span> },
    ...variants.map((variant) => ({
      id: `value ${variant}`,
      label: variant,
      width: 110,
      numeric: true,
      cell: (row: RowDifference) => formatValue(row.values[variant], unit),
    })),
  ];
}

function shortId(row: RowDifference): string {
  return /^[0-9a-f]{24,}$/.test(row.id) ? `#${row.position}` : row.id;
}

interface ChangedProps {
  row: RowDifference;
  unit: Unit;
  metric: string;
}

function Changed({ row, unit, metric }: ChangedProps) {
  if (row.change === "missing") return <span className="warn">no value</span>;
  if (row.change === "same") return <span className="faint">alike</span>;
  const worse = (row.change === "rose") === lessIsBetter(metric);
  return <span className={worse ? "bad" : "good"}>{formatDifference(row.difference, unit)}</span>;
}

function Compact({ row, unit, metric }: ChangedProps) {
  return (
    <>
      <span className={rowClasses.compactLine}>
        <b>{shortId(row)}</b>
        <span className={rowClasses.compactPush} />
        <Changed row={row} unit={unit} metric={metric} />
      </span>
      <span className={`${rowClasses.compactLine} dim`}>
        <span className="cut">{row.input}</span>
      </span>
    </>
  );
}

interface ControlsProps {
  metrics: readonly string[];
  metric: string;
  order: Order;
  change: Change | undefined;
  head: Differences | undefined;
  experiment: Experiment;
  onChange: (next: ExperimentSearch) => void;
}

function Controls({ metrics, metric, order, change, head, experiment, onChange }: ControlsProps) {
  const less = lessIsBetter(metric);
  const others = experiment.spec.variants.map((one) => one.name);
  const count = (name: Change) => (head ? ` (${head.counts[name] ?? 0})` : "");
  const clear = { row: undefined };
  return (
    <div className={classes.controls}>
      <NativeSelect
        size="xs"
        aria-label="Metric"
        data={[...metrics]}
        value={metric}
        onChange={(event) =>
          onChange({ metric: event.currentTarget.value, order: undefined, change: undefined, ...clear })
        }
      />
      {others.length > 1 && (
        <NativeSelect
          size="xs"
          aria-label="Variant"
          data={others.map((name) => ({
            value: name,
            label:
              name === head?.baseline
                ? `${name} alone`
                : `${name} against ${head?.baseline ?? "the baseline"}`,
          }))}
          value={head?.variant ?? others[1]}
          onChange={(event) => onChange({ variant: event.currentTarget.value, change: undefined, ...clear })}
        />
      )}
      <NativeSelect
        size="xs"
        aria-label="Order"
        data={[
          { value: less ? "rise" : "fall", label: "Worse first" },
          { value: less ? "fall" : "rise", label: "Better first" },
          { value: "position", label: "As in the dataset" },
        ]}
        value={order}
        onChange={(event) => onChange({ order: event.currentTarget.value as Order, ...clear })}
      />
      {head?.variant !== head?.baseline && (
        <NativeSelect
          size="xs"
          aria-label="Rows"
          data={[
            { value: "", label: "All rows" },
            { value: less ? "rose" : "fell", label: `Got worse${count(less ? "rose" : "fell")}` },
            { value: less ? "fell" : "rose", label: `Got better${count(less ? "fell" : "rose")}` },
            { value: "same", label: `Alike${count("same")}` },
            { value: "missing", label: `Without a value${count("missing")}` },
          ]}
          value={change ?? ""}
          onChange={(event) =>
            onChange({ change: (event.currentTarget.value || undefined) as Change, ...clear })
          }
        />
      )}
    </div>
  );
}
