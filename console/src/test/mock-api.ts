/** The control API from invented data, for development without a server and for component tests. */

import type { KeyRow, Overview, TraceRow } from "@/api/types";
import { MockAnnotation } from "./mock-annotation";
import { KEYS, MODELS, makeRow, random } from "./mock-data";
import { MockDefinitions } from "./mock-definitions";
import { MockEvals } from "./mock-evals";
import { faultIn, MockLooking, matches } from "./mock-looking";
import { holds, modelOf, top, totalsOf } from "./mock-query";
import { MockRegistry } from "./mock-registry";
import { makeRichTrace, makeSpan } from "./mock-spans";
import { budgets, cacheUse, routeStats, targets, workers } from "./mock-traffic";
import { MockWatching } from "./mock-watching";

export interface MockAnswer {
  status: number;
  body?: unknown;
  /** Instead of a body: server-sent events. */
  events?: string;
}

const PROJECT = { id: "0197c000-0000-7000-8000-000000000001", name: "default" };
const MINUTE = 60_000_000;
const SCOPES = [
  "gateway:call",
  "gateway:models",
  "traces:read",
  "models:read",
  "keys:read",
  "keys:write",
  "projects:read",
  "routes:read",
  "routes:write",
  "limits:read",
  "limits:write",
  "scores:write",
  "traces:delete",
  "dashboards:write",
  "alerts:read",
  "alerts:write",
  "incidents:read",
  "incidents:write",
  "retention:read",
  "retention:write",
  "secrets:read",
  "secrets:write",
  "prompts:read",
  "prompts:write",
  "prompts:promote",
  "models:write",
  "evaluators:read",
  "evaluators:write",
  "webhooks:read",
  "webhooks:write",
  "datasets:read",
  "datasets:write",
  "experiments:read",
  "experiments:write",
  "annotation:read",
  "annotation:write",
  "annotation:label",
];

export class MockApi {
  signedIn = true;
  readonly rows: TraceRow[];
  readonly keys: KeyRow[];
  readonly definitions: MockDefinitions;
  readonly looking: MockLooking;
  readonly watching: MockWatching;
  readonly registry: MockRegistry;
  readonly evals: MockEvals;
  readonly annotation: MockAnnotation;
  /** What the signed-in person may not do. */
  readonly denied = new Set<string>();

  constructor(
    private readonly now: () => number = () => Date.now() * 1000,
    count = 4_500,
  ) {
    this.definitions = new MockDefinitions(now, count > 0);
    this.looking = new MockLooking(now, () => this.rows);
    this.watching = new MockWatching(now);
    this.registry = new MockRegistry(now, count > 0);
    this.evals = new MockEvals(now, count > 0);
    this.annotation = new MockAnnotation(now, count > 0);
    const draw = random(7);
    let started = now();
    this.rows = Array.from({ length: count }, (_, index) => {
      started -= Math.floor(draw() * 1.4 * MINUTE);
      return makeRow(index + 1, started);
    });
    this.keys = KEYS.map((key, index) => ({
      ...key,
      project: PROJECT.id,
      prefix: `pk-${"x7fq2m9c".slice(index, index + 4)}`,
      scopes:
        index === 2 ? ["gateway:call", "gateway:models", "traces:read"] : ["gateway:call", "gateway:models"],
      models: index === 1 ? ["openai/*", "support"] : [],
      created: now() - (30 - index * 9) * 86_400_000_000,
      created_by: "admin",
      expires: index === 1 ? now() + 12 * 86_400_000_000 : null,
      revoked: null,
      last_used: index === 2 ? null : now() - (index * 50 + 1) * MINUTE,
      status: "active",
    }));
  }

  answer(method: string, url: URL, body?: unknown, headers?: Headers): MockAnswer {
    const path = url.pathname.replace(/^\/api\/v1/, "");
    if (path === "/session") return this.session(method, body);
    if (!this.signedIn)
      return problem(
        401,
        "unauthenticated",
        "No session.",
        "Sign in with a link from `penstock signin-link`.",
      );
    if (path === "/traces") return this.list(url.searchParams);
    const looked = this.looking.answer(method, path, url.searchParams, body);
    if (looked !== undefined) return method === "DELETE" ? { status: 204 } : { status: 200, body: looked };
    if (path.startsWith("/traces/")) return this.trace(path.slice("/traces/".length));
    const watched = this.watching.answer(method, path, url.searchParams, body, headers);
    if (watched) return watched;
    const annotated = this.annotation.answer(method, path, url.searchParams, body);
    if (annotated) return annotated;
    const evaluated = this.evals.answer(method, path, url.searchParams, body);
    if (evaluated) return evaluated;
    const registered = this.registry.answer(method, path, url.searchParams, body);
    if (registered) return registered;
    if (path === "/overview") return { status: 200, body: this.overview(url.searchParams) };
    if (path === "/models") return { status: 200, body: this.models() };
    if (path.startsWith("/keys")) return this.keyCall(method, path, body as Record<string, unknown>);
    const traffic = this.traffic(path, url.searchParams);
    if (traffic !== undefined) return { status: 200, body: traffic };
    if (/^\/(routes|limits)\b/.test(path)) return this.definitions.answer(method, path, url, body, headers);
    if (path === "/projects")
      return { status: 200, body: { items: [{ ...PROJECT, created: 0 }], next_cursor: null } };
    if (path === "/config")
      return {
        status: 200,
        body: {
          file: "/srv/penstock.yaml",
          loaded: this.now(),
          snapshot_version: 4,
          error: null,
          warnings: [],
        },
      };
    return problem(404, "not_found", `There is nothing at ${path}.`);
  }

  private traffic(path: string, params: URLSearchParams): unknown {
    const now = this.now();
    const quiet = this.rows.length === 0;
    if (path === "/workers") return { items: quiet ? [] : workers(now), next_cursor: null };
    if (path === "/targets") return { items: quiet ? [] : targets(now), next_cursor: null };
    if (path === "/budgets") return { at: now, items: quiet ? [] : budgets(now), next_cursor: null };
    if (path.startsWith("/budgets/"))
      return budgets(now, params.get("who")).find((one) => one.name === path.slice("/budgets/".length));
    if (path === "/cache") {
      const to = Number(params.get("to") ?? now);
      return cacheUse(Number(params.get("from") ?? to - 86_400_000_000), to, quiet);
    }
    const stats = /^\/routes\/([^/]+)\/stats$/.exec(path);
    return stats?.[1] ? routeStats(decodeURIComponent(stats[1])) : undefined;
  }

  /** A new call, as if one had just arrived. */
  arrive(): TraceRow {
    const row = makeRow(this.rows.length + 10_000, this.now());
    this.rows.unshift(row);
    return row;
  }

  private session(method: string, body: unknown): MockAnswer {
    if (method === "DELETE") {
      this.signedIn = false;
      return { status: 204 };
    }
    if (method === "POST") {
      if ((body as { token?: string }).token !== "good")
        return problem(401, "link_invalid", "This sign-in link was used already or has expired.");
      this.signedIn = true;
    }
    if (!this.signedIn) return problem(401, "unauthenticated", "No session.");
    return {
      status: method === "POST" ? 201 : 200,
      body: {
        user: { id: "u1", name: "admin" },
        key: null,
        role: "admin",
        permissions: [...SCOPES, "projects:write", "users:write", "config:read", "system:read"].filter(
          (scope) => !this.denied.has(scope),
        ),
        projects: [PROJECT, { id: "0197c000-0000-7000-8000-000000000002", name: "research" }],
        default_project: PROJECT.id,
        csrf_token: "csrf",
        version: "0.1.0",
        gateway_url: "http://127.0.0.1:4100",
      },
    };
  }

  private select(params: URLSearchParams): TraceRow[] {
    const from = Number(params.get("from") ?? 0);
    const to = Number(params.get("to") ?? Number.MAX_SAFE_INTEGER);
    const q = params.get("q") ?? "";
    const filters = params.getAll("filter").map((text) => text.split(/:(.*?)(?::(.*))?$/s));
    return this.rows.filter((row) => {
      if (row.started < from || row.started > to) return false;
      if (!matches(row, q)) return false;
      return filters.every(([column = "", operator = "", value = ""]) => holds(row, column, operator, value));
    });
  }

  private list(params: URLSearchParams): MockAnswer {
    const limit = Math.min(200, Number(params.get("limit") ?? 50));
    const start = Number(params.get("cursor") ?? 0);
    const fault = faultIn(params.get("q") ?? "");
    if (fault) return fault;
    const found = this.select(params);
    const next = start + limit < found.length ? String(start + limit) : null;
    return { status: 200, body: { items: found.slice(start, start + limit), next_cursor: next } };
  }

  private trace(id: string): MockAnswer {
    const index = this.rows.findIndex((row) => row.trace_id === id);
    const row = this.rows[index];
    if (!row)
      return problem(
        404,
        "not_found",
        `There is no trace ${id} in this project.`,
        "It may belong to another project.",
      );
    const spans = "0369cf".includes(row.trace_id.slice(-1)) ? makeRichTrace(row) : [makeSpan(row)];
    return {
      status: 200,
      body: {
        trace_id: id,
        spans,
        scores: [],
        complete: true,
        totals: { duration: row.duration, cost: row.cost, usage: row.usage },
      },
    };
  }

  private overview(params: URLSearchParams): Overview {
    const to = Number(params.get("to") ?? this.now());
    const from = Number(params.get("from") ?? to - 1440 * MINUTE);
    const points = Number(params.get("points") ?? 60);
    const step = Math.max(1, Math.floor((to - from) / points));
    const rows = this.select(new URLSearchParams({ from: String(from), to: String(to) }));
    const series = Array.from({ length: points }, (_, index) => {
      const t = from + index * step;
      const inside = rows.filter((row) => row.started >= t && row.started < t + step);
      const { usage, ...rest } = totalsOf(inside);
      return {
        t,
        ...rest,
        input: usage.input,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        output: usage.output,
        reasoning: usage.reasoning,
      };
    });
    const before = this.rows.filter((row) => row.started >= from - (to - from) && row.started < from);
    return {
      from,
      to,
      step,
      totals: totalsOf(rows),
      previous: totalsOf(before),
      series,
      top: {
        routes: top(rows, (row) => row.route ?? null),
        models: top(rows, modelOf),
        keys: top(rows, (row) => row.key_name ?? null).map((item) => ({
          ...item,
          id: KEYS.find((key) => key.name === item.name)?.id ?? item.name,
        })),
      },
    };
  }

  private models(): unknown {
    const providers = [...new Set(MODELS.map((model) => model.provider))].map((name) => {
      const rows = this.rows.filter((row) => row.provider === name);
      const total = totalsOf(rows);
      return {
        name,
        kind: name === "local" ? "openai" : name,
        base_url: {
          openai: "https://api.openai.com/v1",
          anthropic: "https://api.anthropic.com",
          gemini: "https://generativelanguage.googleapis.com/v1beta",
          local: "http://10.0.0.4:8000/v1",
        }[name],
        health: {
          status: name === "anthropic" ? "degraded" : "ok",
          calls: total.calls,
          errors: total.errors,
          error_rate: total.error_rate,
          last_success: this.now() - MINUTE,
          last_error: this.now() - 20 * MINUTE,
          last_error_message: "The provider answered 529: overloaded.",
        },
        models: MODELS.filter((model) => model.provider === name).map((model) => {
          const own = totalsOf(rows.filter((row) => row.served_model === model.model));
          return {
            id: `${name}/${model.model}`,
            name: model.model,
            listed: true,
            price:
              model.input === null
                ? null
                : {
                    input: model.input * 1_000_000,
                    output: model.output * 1_000_000,
                    cache_read: model.input * 100_000,
                    cache_write: null,
                    reasoning: null,
                    version: "genai-prices 0.2.1",
                  },
            calls: own.calls,
            errors: own.errors,
            tokens: own.usage.total,
            cost: own.cost,
            p50: own.p50,
            p95: own.p95,
            ttft_p50: own.ttft_p50,
          };
        }),
      };
    });
    return {
      providers,
      aliases: [
        { name: "support", targets: ["openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5"] },
        { name: "writer", targets: ["anthropic/claude-sonnet-4-5"] },
      ],
    };
  }

  private keyCall(method: string, path: string, body: Record<string, unknown>): MockAnswer {
    const [, , id, action] = path.split("/");
    const secret = "pk-test-8Jq2vX0sWm4nT6yB1cR9dK3fZ7hL5pGa";
    if (!id && method === "GET") return { status: 200, body: { items: this.keys, next_cursor: null } };
    if (!id) {
      if (!body.name) return { ...problem(400, "invalid_input", "Expected a name, got nothing.") };
      const scopes = Array.isArray(body.scopes)
        ? (body.scopes as string[])
        : ["gateway:call", "gateway:models"];
      const models = Array.isArray(body.models) ? (body.models as string[]) : [];
      const key: KeyRow = {
        id: `0197c001-0000-7000-8000-0000000000${this.keys.length + 10}`,
        name: String(body.name),
        project: PROJECT.id,
        prefix: "pk-test",
        scopes,
        models,
        created: this.now(),
        created_by: "admin",
        expires: typeof body.expires === "number" ? body.expires : null,
        revoked: null,
        last_used: null,
        status: "active",
      };
      this.keys.unshift(key);
      return { status: 201, body: { ...key, secret } };
    }
    const key = this.keys.find((one) => one.id === id);
    if (!key) return problem(404, "not_found", "There is no such key.");
    if (action === "rotate") return { status: 200, body: { ...key, secret } };
    Object.assign(key, { revoked: this.now(), status: "revoked" });
    return { status: 204 };
  }
}

export function problem(
  status: number,
  code: string,
  detail: string,
  hint: string | null = null,
): MockAnswer {
  return { status, body: { type: "about:blank", title: code, status, detail, code, hint } };
}
