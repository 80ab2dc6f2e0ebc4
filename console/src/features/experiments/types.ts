/** Shapes of the API's experiments. */

import type { paths } from "@/api/generated/schema";

type Json<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

type Sent = Json<paths["/api/v1/experiments/{experiment}"]["get"]>;
type FullSpec = Sent["spec"];
type FullVariant = FullSpec["variants"][number];
/** The API leaves out what has its default, here and in a spec. */
export type VariantSpec = Pick<FullVariant, "name"> & Partial<FullVariant>;
export type ExperimentSpec = Partial<Omit<FullSpec, "variants">> & {
  name: string;
  dataset: string;
  variants: VariantSpec[];
};
export type Experiment = Omit<Sent, "spec"> & { spec: ExperimentSpec };
export type ExperimentState = Experiment["state"];
export type Counts = Experiment["counts"];
export type Summary = Json<paths["/api/v1/experiments/{experiment}/summary"]["get"]>;
export type VariantSummary = Summary["variants"][number];
export type MetricSummary = VariantSummary["metrics"][number];
export type Figure = NonNullable<MetricSummary["figure"]>;
export type Unit = MetricSummary["unit"];
export type MetricComparison = Summary["comparisons"][number];
export type SliceSummary = Summary["slices"][number];
export type GateResult = Summary["gates"][string];
export type RuleResult = GateResult["rules"][number];
export type Differences = Json<paths["/api/v1/experiments/{experiment}/differences"]["get"]>;
export type RowDifference = Differences["items"][number];
export type Change = RowDifference["change"];
export type RowView = Json<paths["/api/v1/experiments/{experiment}/rows/{position}"]["get"]>;
export type CellView = RowView["cells"][number];
export type Finding = CellView["findings"][number];
