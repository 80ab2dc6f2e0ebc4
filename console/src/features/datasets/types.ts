/** Shapes of the API's datasets. */

import type { paths } from "@/api/generated/schema";

type Body<Answer> = Answer extends { content: { "application/json": infer Found } } ? Found : never;
type Json<Operation, Status extends number = 200> = Operation extends { responses: infer Answers }
  ? Body<Answers[keyof Answers & Status]>
  : never;

export type DatasetRowPage = Json<paths["/api/v1/datasets/{name}/rows"]["get"]>;
/** The API leaves out what has its default. */
type Sent = DatasetRowPage["items"][number];
export type StoredRow = Pick<Sent, "id" | "input" | "digest"> & Partial<Sent>;
export type DatasetRow = Omit<StoredRow, "digest">;
export type RowDiff = Json<paths["/api/v1/datasets/{name}/diff"]["get"]>;
export type RowChange = RowDiff["changes"][number];
export type SplitPage = Json<paths["/api/v1/datasets/{name}/splits"]["get"]>;
export type Preview = Json<paths["/api/v1/datasets/uploads"]["post"], 201>;
export type FieldMapping = Preview["mapping"];
export type Import = Json<paths["/api/v1/datasets/imports/{id}"]["get"]>;
export type TracePreview = Json<paths["/api/v1/datasets/from-traces/preview"]["post"]>;
export type CheckRun = Json<paths["/api/v1/datasets/checks/{id}"]["get"]>;
export type CheckReport = NonNullable<CheckRun["report"]>;
