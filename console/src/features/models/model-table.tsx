import { Link } from "@tanstack/react-router";
import {
  type Column,
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFns,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import type { ModelRow } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { formatCompact, formatDuration, formatMoneyShort, formatPrice, NOTHING } from "@/lib/format";
import classes from "./models.module.css";

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel(), sortFns });
const helper = createColumnHelper<typeof features, ModelRow>();

function price(model: ModelRow, name: "input" | "output" | "cache_read") {
  return (
    <span className={model.price ? undefined : "faint"}>
      {model.price ? formatPrice(model.price[name]) : NOTHING}
    </span>
  );
}

const columns = helper.columns([
  helper.accessor("name", {
    header: "Model",
    cell: ({ row }) => (
      <span className={classes.name}>
        <Link to="/traces" search={{ filter: [`model:eq:${row.original.id}`] }} title={row.original.id}>
          {row.original.name}
        </Link>
        <CopyIcon text={row.original.id} label={`Copy ${row.original.id}`} />
        {!row.original.listed && <span className="faint">not listed</span>}
      </span>
    ),
  }),
  helper.accessor((model) => model.price?.input ?? -1, {
    id: "input",
    header: "Input $/M",
    cell: ({ row }) => price(row.original, "input"),
  }),
  helper.accessor((model) => model.price?.cache_read ?? -1, {
    id: "cached",
    header: "Cached $/M",
    cell: ({ row }) => price(row.original, "cache_read"),
  }),
  helper.accessor((model) => model.price?.output ?? -1, {
    id: "output",
    header: "Output $/M",
    cell: ({ row }) => price(row.original, "output"),
  }),
  helper.accessor("calls", { header: "Calls", cell: ({ row }) => formatCompact(row.original.calls) }),
  helper.accessor("errors", {
    header: "Errors",
    cell: ({ row }) => (
      <span className={row.original.errors ? "bad" : "faint"}>{formatCompact(row.original.errors)}</span>
    ),
  }),
  helper.accessor("tokens", { header: "Tokens", cell: ({ row }) => formatCompact(row.original.tokens) }),
  helper.accessor((model) => model.p50 ?? -1, {
    id: "p50",
    header: "p50",
    cell: ({ row }) => formatDuration(row.original.p50),
  }),
  helper.accessor((model) => model.p95 ?? -1, {
    id: "p95",
    header: "p95",
    cell: ({ row }) => formatDuration(row.original.p95),
  }),
  helper.accessor((model) => model.ttft_p50 ?? -1, {
    id: "ttft",
    header: "TTFT p50",
    cell: ({ row }) => formatDuration(row.original.ttft_p50),
  }),
  helper.accessor((model) => model.cost ?? -1, {
    id: "cost",
    header: "Cost",
    cell: ({ row }) => (
      <span className={row.original.cost === null ? "faint" : undefined}>
        {row.original.calls ? formatMoneyShort(row.original.cost) : NOTHING}
      </span>
    ),
  }),
]);

/** The models of one provider: prices in dollars per million tokens, and what each served. A click on a head sorts. */
export function ModelTable({ models }: { models: ModelRow[] }) {
  const table = useTable({
    features,
    columns,
    data: models,
    getRowId: (model) => model.id,
    initialState: { sorting: [{ id: "calls", desc: true }] },
  });
  return (
    <table className={classes.table}>
      <thead>
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map((header) => (
              <th
                key={header.id}
                scope="col"
                data-column={header.column.id}
                aria-sort={sortOf(header.column)}
              >
                <button type="button" onClick={header.column.getToggleSortingHandler()}>
                  <table.FlexRender header={header} />
                  <span className={classes.arrow}>
                    {{ asc: "↑", desc: "↓", none: "" }[header.column.getIsSorted() || "none"]}
                  </span>
                </button>
              </th>
            ))}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => (
          <tr
            key={row.id}
            title={row.original.price ? `prices: ${row.original.price.version}` : "no price is known"}
          >
            {row.getAllCells().map((cell) => (
              <td key={cell.id} data-column={cell.column.id}>
                <table.FlexRender cell={cell} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function sortOf(column: Column<typeof features, ModelRow>): "ascending" | "descending" | "none" {
  const sorted = column.getIsSorted();
  return sorted ? (sorted === "asc" ? "ascending" : "descending") : "none";
}
