import type { paths } from "@/api/generated/schema";

type Ok<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;
type Item<List> = List extends { items: (infer Row)[] } ? Row : never;

export type AlertRule = Item<Ok<paths["/api/v1/alerts"]["get"]>>;
export type RuleSpec = AlertRule["spec"];
export type Condition = RuleSpec["condition"];
export type SeriesState = Item<Ok<paths["/api/v1/alerts/states"]["get"]>>;
export type AlertTransition = Item<Ok<paths["/api/v1/alerts/history"]["get"]>>;
export type BackTest = Ok<paths["/api/v1/alerts/test"]["post"]>;
export type Silence = Item<Ok<paths["/api/v1/silences"]["get"]>>;
export type Matcher = Silence["matchers"][number];
export type AlertPolicy = Ok<paths["/api/v1/alerts/policy"]["get"]>;
export type Inhibition = NonNullable<AlertPolicy["inhibitions"]>[number];
export type Delivery = Item<Ok<paths["/api/v1/channels/{id}/deliveries"]["get"]>>;
export type Channel = Item<Ok<paths["/api/v1/channels"]["get"]>>;
export type AlertState = AlertRule["state"];

/** Firing first. */
export const STATE_ORDER: readonly AlertState[] = ["firing", "error", "pending", "no_data", "resolved", "ok"];
