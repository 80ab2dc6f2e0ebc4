import type { paths } from "@/api/generated/schema";
import type { MetricResult } from "@/api/types";

type Ok<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

export type DashboardList = Ok<paths["/api/v1/dashboards"]["get"]>;
export type DashboardSummary = DashboardList["items"][number];
export type Dashboard = Ok<paths["/api/v1/dashboards/{dashboard}"]["get"]>;
export type DashboardDocument = Dashboard["document"];
export type Widget = DashboardDocument["widgets"][number];
export type WidgetQuery = Widget["queries"][number];
export type WidgetType = Widget["type"];
export type Box = NonNullable<Widget["layout"]>;
export type Catalog = Ok<paths["/api/v1/metrics/catalog"]["get"]>;
export type Distribution = Ok<paths["/api/v1/metrics/distribution"]["post"]>;
export type { MetricResult };

export const WIDGET_TYPES: { value: WidgetType; label: string }[] = [
  { value: "line", label: "Lines" },
  { value: "bar", label: "Bars" },
  { value: "number", label: "Number" },
  { value: "table", label: "Table" },
  { value: "percentiles", label: "Percentile bands" },
  { value: "heatmap", label: "Heat map" },
  { value: "histogram", label: "Histogram" },
];

/** These show one field's values, so they have one query and no groups. */
export const OF_ONE_FIELD: readonly WidgetType[] = ["percentiles", "heatmap", "histogram"];

export const NEW_QUERY: WidgetQuery = {
  population: "calls",
  aggregation: "count",
  q: "",
  label: "",
  top: 10,
  buckets: 40,
};

/** The API leaves out what is as usual; a form wants every field. */
export function whole(document: DashboardDocument): DashboardDocument {
  return {
    ...document,
    q: document.q ?? "",
    description: document.description ?? "",
    widgets: document.widgets.map((widget) => ({
      ...widget,
      about: widget.about ?? "",
      queries: widget.queries.map((query) => ({ ...NEW_QUERY, ...query })),
    })),
  };
}
