import { one } from "@/lib/search-params";
import { type IncidentState, STATES } from "./types";

export interface IncidentsSearch {
  /** Only incidents in this state. */
  state?: IncidentState;
}

export function validateIncidents(raw: Record<string, unknown>): IncidentsSearch {
  return { state: STATES.find((candidate) => candidate === one(raw.state)) };
}
