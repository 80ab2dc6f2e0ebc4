import type { paths } from "@/api/generated/schema";

type Ok<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

export type Slo = Ok<paths["/api/v1/slos"]["get"]>["items"][number];
export type SloSpec = Slo["spec"];
export type SloStatus = Ok<paths["/api/v1/slos/{id}/status"]["get"]>;
export type Indicator = SloSpec["indicator"];
