/** Paths of the control API that its document does not name yet. */

import type { paths } from "./generated/schema";
import type { FacetsOfColumn, Group, SessionRow, SessionView, SpanRecord, UserRow } from "./types";

type Answer<Body> = {
  responses: { 200: { headers: Record<string, unknown>; content: { "application/json": Body } } };
};
type Query<Fields> = { parameters: { query?: Fields } };
type Window = { project?: string; from?: number; to?: number };
type List<Row> = { items: Row[]; next_cursor: string | null };
type Asked = Window & { q?: string; sort?: string; cursor?: string; limit?: number };

export interface Pending {
  "/api/v1/sessions": { get: Query<Asked> & Answer<List<SessionRow>> };
  "/api/v1/sessions/{session}": {
    get: { parameters: { query?: Window; path: { session: string } } } & Answer<SessionView>;
  };
  "/api/v1/users": { get: Query<Asked> & Answer<List<UserRow>> };
  "/api/v1/users/{user}": {
    get: { parameters: { query?: Window; path: { user: string } } } & Answer<UserRow>;
  };
  "/api/v1/traces/facets": {
    get: Query<Window & { columns: string[]; q?: string; filter?: string[] }> & Answer<FacetsOfColumn[]>;
  };
  "/api/v1/traces/groups": {
    get: Query<Window & { by: string[]; q?: string; filter?: string[] }> & Answer<List<Group>>;
  };
  "/api/v1/traces/{trace_id}/spans/{span_id}": {
    get: {
      parameters: { query?: Window; path: { trace_id: string; span_id: string } };
    } & Answer<SpanRecord>;
  };
  "/api/v1/deletions": {
    post: {
      parameters: { query?: Window };
      requestBody: { content: { "application/json": { session?: string; user?: string } } };
    } & Answer<{ id: string }>;
  };
}

export type Paths = Omit<paths, keyof Pending> & Pending;
