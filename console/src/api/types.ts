/** Names for the shapes of the generated client, taken from the paths so that they follow the document. */

import type { paths } from "./generated/schema";

type Json<Answer> = Answer extends { content: { "application/json": infer Body } } ? Body : never;
type Answers<Operation> = Operation extends { responses: infer Responses } ? Responses : never;
type Ok<Operation> = Json<Answers<Operation>[keyof Answers<Operation> & (200 | 201)]>;
type Item<List> = List extends { items: (infer Row)[] } ? Row : never;

export type Session = Ok<paths["/api/v1/session"]["get"]>;
export type TraceList = Ok<paths["/api/v1/traces"]["get"]>;
export type TraceRow = Item<TraceList>;
export type Usage = TraceRow["usage"];
export type Trace = Ok<paths["/api/v1/traces/{trace_id}"]["get"]> & { complete?: boolean };
export type SpanRecord = Trace["spans"][number];
export interface Facet {
  value: string | null;
  count: number;
}
export type Overview = Ok<paths["/api/v1/overview"]["get"]>;
export type OverviewPoint = Overview["series"][number];
export type OverviewTotals = Overview["totals"];
export type TopRow = Overview["top"]["routes"][number];
export type Models = Ok<paths["/api/v1/models"]["get"]>;
export type ProviderRow = Models["providers"][number];
export type ModelRow = ProviderRow["models"][number];
export type KeyRow = Item<Ok<paths["/api/v1/keys"]["get"]>>;
export type KeyWithSecret = Ok<paths["/api/v1/keys"]["post"]>;
export type ConfigState = Ok<paths["/api/v1/config"]["get"]>;
export type SystemState = Ok<paths["/api/v1/system"]["get"]>;
export type Definition = Item<Ok<paths["/api/v1/routes"]["get"]>>;
export type DefinitionAct = Item<Ok<paths["/api/v1/routes/{name}/history"]["get"]>>;
export type Difference = DefinitionAct["differences"][number];
export type Proposal = Ok<paths["/api/v1/routes/{name}/diff"]["post"]>;
export type RouteStats = Ok<paths["/api/v1/routes/{name}/stats"]["get"]>;
export type VariantStat = RouteStats["variants"][number];
export type WorkerRow = Item<Ok<paths["/api/v1/workers"]["get"]>>;
export type TargetHealth = Item<Ok<paths["/api/v1/targets"]["get"]>>;
export type Transition = TargetHealth["history"][number];
export type LimitUse = Item<Ok<paths["/api/v1/budgets"]["get"]>>;
export type BudgetUse = LimitUse["budgets"][number];
export type SpendLine = BudgetUse["lines"][number];
export type Forecast = SpendLine["forecast"];
export type Spender = NonNullable<SpendLine["spenders"]>["keys"][number];
export type RateUse = LimitUse["rates"][number];
export type CacheUse = Ok<paths["/api/v1/cache"]["get"]>;

export type Score = Item<Ok<paths["/api/v1/scores"]["get"]>>;

/** A value of one column with how many calls have it, and the values of several. */
export interface FacetsOfColumn {
  column: string;
  values: Facet[];
}

export interface Group {
  values: (string | null)[];
  calls: number;
  errors: number;
  p50: number | null;
  p95: number | null;
  tokens: number;
  cost: number | null;
}

export interface SessionRow {
  session: string;
  user: string | null;
  first: number;
  last: number;
  calls: number;
  errors: number;
  tokens: number;
  cost: number | null;
}

export interface UserRow {
  user: string;
  first: number;
  last: number;
  sessions: number;
  calls: number;
  errors: number;
  tokens: number;
  cost: number | null;
}

export interface SessionView extends SessionRow {
  /** Its calls in order of start. */
  items: TraceRow[];
}

export type MetricResult = Ok<paths["/api/v1/metrics/query"]["post"]>;
export type SavedView = Item<Ok<paths["/api/v1/views"]["get"]>>;
export type ViewDocument = SavedView["document"];
