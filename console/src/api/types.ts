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
export type Trace = Ok<paths["/api/v1/traces/{trace_id}"]["get"]>;
/** Of a large trace, instead of its spans. */
export type TraceOutline = NonNullable<Trace["outline"]>;
export type SpanRecord = Trace["spans"][number];
export type Overview = Ok<paths["/api/v1/overview"]["get"]>;
export type OverviewPoint = Overview["series"][number];
export type OverviewTotals = Overview["totals"];
export type TopRow = Overview["top"]["routes"][number];
export type Models = Ok<paths["/api/v1/models"]["get"]>;
export type ProviderRow = Models["providers"][number];
export type ModelRow = ProviderRow["models"][number];
export type KeyRow = Item<Ok<paths["/api/v1/keys"]["get"]>>;
export type KeyWithSecret = Ok<paths["/api/v1/keys"]["post"]>;
/** A secret of providers, without its value. */
export type Secret = Item<Ok<paths["/api/v1/secrets"]["get"]>>;
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

export type ColumnFacets = Item<Ok<paths["/api/v1/facets"]["get"]>>;
export type FacetValue = ColumnFacets["values"][number];
export type GroupRow = Item<Ok<paths["/api/v1/groups"]["get"]>>;
/** What a session, or an end user, did. */
export type Activity = Item<Ok<paths["/api/v1/sessions"]["get"]>>;
export type ActivityView = Ok<paths["/api/v1/sessions/{session}"]["get"]>;
export type MetricResult = Ok<paths["/api/v1/metrics/query"]["post"]>;
export type SavedView = Item<Ok<paths["/api/v1/views"]["get"]>>;
export type ViewDocument = SavedView["document"];

/** A prompt, model, evaluator or dataset in a list. */
export type ArtifactRow = Item<Ok<paths["/api/v1/artifacts/{kind}"]["get"]>>;
export type Artifact = Ok<paths["/api/v1/artifacts/{kind}/{name}"]["get"]>;
export type ArtifactLabel = Artifact["labels"][number];
export type ArtifactBranch = Artifact["branches"][number];
export type VersionRow = Item<Ok<paths["/api/v1/artifacts/{kind}/{name}/versions"]["get"]>>;
export type ArtifactVersion = Ok<paths["/api/v1/artifacts/{kind}/{name}/versions/{version}"]["get"]>;
export type SavedVersion = Ok<paths["/api/v1/artifacts/{kind}/{name}/versions"]["post"]>;
export type LabelMove = Item<Ok<paths["/api/v1/artifacts/{kind}/{name}/label-moves"]["get"]>>;
export type Comparison = Ok<paths["/api/v1/artifacts/{kind}/{name}/diff"]["get"]>;
export type ArtifactComment = Item<Ok<paths["/api/v1/artifacts/{kind}/{name}/comments"]["get"]>>;
export type Lineage = Ok<paths["/api/v1/artifacts/{kind}/{name}/lineage"]["get"]>;
export type PromptEstimate = Ok<paths["/api/v1/prompts/estimate"]["post"]>;
export type PromptPreview = Ok<paths["/api/v1/prompts/render"]["post"]>;
export type Webhook = Item<Ok<paths["/api/v1/webhooks"]["get"]>>;
export type WebhookDelivery = Item<Ok<paths["/api/v1/webhooks/{id}/deliveries"]["get"]>>;
export type PlaygroundRun = NonNullable<
  paths["/api/v1/playground/runs"]["post"]["requestBody"]
>["content"]["application/json"];
