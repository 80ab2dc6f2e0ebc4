/** Shapes of the API's annotation. */

import type { paths } from "@/api/generated/schema";

type Json<Operation, Status extends number = 200> = Operation extends {
  responses: { [Key in Status]: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;
type Sent<Operation> = Operation extends { requestBody: { content: { "application/json": infer Body } } }
  ? Body
  : never;

type SentQueue = Json<paths["/api/v1/annotation"]["get"]>["items"][number];
type SentReport = Json<paths["/api/v1/annotation/{queue}"]["get"]>;
type SentTask = NonNullable<Json<paths["/api/v1/annotation/{queue}/next"]["post"]>["task"]>;

/** The document marks what has a default as optional; answers have all of it. */
export type Question = Required<SentQueue["questions"][number]>;
export type Queue = Required<Omit<SentQueue, "questions">> & { questions: Question[] };
export type NewQueue = Sent<paths["/api/v1/annotation"]["post"]>;
export type QuestionType = Question["type"];
export type QueueReport = Omit<SentReport, "queue"> & { queue: Queue };
export type Agreement = QueueReport["agreement"][number];
export type GoldenResult = QueueReport["golden"][number];
export type AnnotatorProgress = QueueReport["annotators"][number];
export type Estimate = NonNullable<Agreement["alpha"]>;
export type LabelledItem = Json<paths["/api/v1/annotation/{queue}/items"]["get"]>["items"][number];
export type AnnotationItem = LabelledItem["item"];
export type ItemLabel = LabelledItem["labels"][number];
export type AddItems = Sent<paths["/api/v1/annotation/{queue}/items"]["post"]>;
export type Task = Omit<SentTask, "questions"> & { questions: Question[] };
export type NewLabel = Sent<paths["/api/v1/annotation/{queue}/items/{item}/label"]["put"]>;
export type Value = boolean | number | string;
export type Answers = Record<string, Value>;
