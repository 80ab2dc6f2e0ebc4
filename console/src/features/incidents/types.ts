import type { paths } from "@/api/generated/schema";

type Ok<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Body } } };
}
  ? Body
  : never;

export type Incident = Ok<paths["/api/v1/incidents"]["get"]>["items"][number];
export type IncidentView = Ok<paths["/api/v1/incidents/{id}"]["get"]>;
export type PostmortemText = Ok<paths["/api/v1/incidents/{id}/postmortem"]["get"]>;
export type IncidentEvent = IncidentView["timeline"][number];
export type IncidentState = Incident["state"];
export type IncidentSeverity = Incident["severity"];

export const STATES: IncidentState[] = ["open", "acknowledged", "mitigated", "resolved"];
export const SEVERITIES: IncidentSeverity[] = ["sev1", "sev2", "sev3", "sev4"];
