/** Routes and limits that can be written, as the control API keeps them; its checks are few. */

import type { Definition, DefinitionAct, Difference } from "@/api/types";
import type { MockAnswer } from "./mock-api";

type Body = Record<string, unknown>;
type Kind = "routes" | "limits";

const PROJECT = "0197c000-0000-7000-8000-000000000001";
const HOUR = 3_600_000_000;

const ROUTES: [name: string, line: number | null, definition: Body][] = [
  [
    "support",
    null,
    {
      variants: {
        smart: { model: "openai/gpt-4o", parameters: { temperature: 0.2 } },
        pool: { models: ["azure/gpt-4o", "openai/gpt-4o"] },
        cheap: "openai/gpt-4o-mini",
        next: "anthropic/claude-sonnet-4-5",
      },
      strategy: {
        conditional: [
          {
            if: 'has(tags.tier) && tags.tier == "gold"',
            use: { hedge: { use: "smart", backup: "pool", after: "p95", at_least: "200ms" } },
          },
          {
            else: {
              shadow: {
                use: {
                  cascade: {
                    steps: ["cheap", "smart"],
                    checks: [{ logprob: { at_least: -0.5 } }, { json_schema: { type: "object" } }],
                  },
                },
                to: "next",
                sample: "10%",
              },
            },
          },
        ],
      },
      retries: { attempts: 2, budget: "20%" },
      cache: { ttl: "1h" },
      on_budget: { soft: { use: "cheap" }, hard: { answer: "Please come back tomorrow." } },
    },
  ],
  [
    "writer",
    41,
    {
      variants: { main: "anthropic/claude-sonnet-4-5", spare: "openai/gpt-4.1" },
      strategy: { fallback: ["main", "spare"] },
    },
  ],
  [
    "index",
    52,
    {
      variants: { one: { models: ["openai/text-embedding-3-small", "azure/text-embedding-3-small"] } },
      strategy: "one",
    },
  ],
  [
    "triage",
    null,
    {
      variants: { old: "openai/gpt-4o-mini", new: "gemini/gemini-2.5-flash" },
      strategy: { weighted: { old: 90, new: 10 } },
    },
  ],
];

const LIMITS: [name: string, line: number | null, definition: Body][] = [
  ["company", 60, { on: "organisation", budget: { month: { soft: "$8000", hard: "$10000" } } }],
  ["each-key", null, { on: "key", requests_per_minute: 600, parallel: 40, budget: { day: { hard: "$20" } } }],
  ["nightly", null, { on: "tag", match: "job=nightly", tokens_per_minute: 200_000 }],
];

/** What differs, as far as mappings go; the server's own in small. */
export function differencesOf(before: unknown, after: unknown, path = ""): Difference[] {
  const isMap = (value: unknown): value is Body =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isMap(before) || !isMap(after)) return [{ change: "changed", path, before, after }];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((name): Difference[] => {
    const place = path ? `${path}.${name}` : name;
    if (!(name in after)) return [{ change: "removed", path: place, before: before[name], after: null }];
    if (!(name in before)) return [{ change: "added", path: place, before: null, after: after[name] }];
    return differencesOf(before[name], after[name], place);
  });
}

export class MockDefinitions {
  readonly routes: Definition[];
  readonly limits: Definition[];
  readonly acts = new Map<string, DefinitionAct[]>();

  constructor(
    private readonly now: () => number,
    filled: boolean,
  ) {
    const all = (kind: Kind, given: typeof ROUTES) =>
      (filled ? given : []).map(([name, line, definition]) => this.make(kind, name, line, definition));
    this.routes = all("routes", ROUTES);
    this.limits = all("limits", LIMITS);
  }

  private make(kind: Kind, name: string, line: number | null, definition: Body): Definition {
    const ofFile = line !== null;
    return {
      name,
      project: ofFile ? null : PROJECT,
      source: ofFile ? "file" : "api",
      file: ofFile ? "/srv/penstock/penstock.yaml" : null,
      line,
      etag: "3",
      version: kind === "routes" ? "7f3a90c1d2e4b586" : null,
      definition: kind === "limits" ? { name, ...definition } : definition,
      served: true,
      problem: null,
      updated: ofFile ? null : this.now() - 5 * HOUR,
      updated_by: ofFile ? null : "ada",
    };
  }

  answer(method: string, path: string, url: URL, body: unknown, headers?: Headers): MockAnswer {
    const [, kind, encoded, action] = path.split("/") as [string, Kind, string?, string?];
    const list = this[kind];
    if (encoded === undefined) return { status: 200, body: { items: list, next_cursor: null } };
    const name = decodeURIComponent(encoded);
    const found = list.find((one) => one.name === name);
    if (action === "diff") return this.propose(found, body as Body);
    if (action === "history")
      return { status: 200, body: { items: this.history(kind, found, name), next_cursor: null } };
    if (method === "PUT") return this.put(kind, found, name, body as Body, url, headers);
    if (!found)
      return refused(404, `${kind.slice(0, -1)}_not_found`, `There is no ${kind.slice(0, -1)} ${name}.`);
    if (method === "DELETE") {
      list.splice(list.indexOf(found), 1);
      return { status: 204 };
    }
    return { status: 200, body: found };
  }

  private propose(found: Definition | undefined, body: Body): MockAnswer {
    const variants = Object.keys((body.variants ?? {}) as Body);
    const weighted = ((body.strategy as Body | undefined)?.weighted ?? {}) as Body;
    const unknown = Object.keys(weighted).filter((name) => !variants.includes(name));
    const problems = unknown.map((name) => ({
      field: `strategy.weighted.${name}`,
      message: `expected a variant of this route, got ${name}.`,
      hint: `Its variants are ${variants.join(", ")}.`,
    }));
    return {
      status: 200,
      body: {
        valid: problems.length === 0,
        problems,
        differences: differencesOf(found?.definition ?? {}, body),
        etag: found?.etag ?? null,
        definition: body,
      },
    };
  }

  private put(
    kind: Kind,
    found: Definition | undefined,
    name: string,
    body: Body,
    url: URL,
    headers?: Headers,
  ): MockAnswer {
    const expected = headers?.get("if-match");
    if (found && expected !== `"${found.etag}"`)
      return refused(412, "precondition_failed", `It is in version ${found.etag}, last written by ada.`);
    const saved = found ?? this.make(kind, name, null, body);
    if (!found) this[kind].push(saved);
    const before = found?.definition ?? null;
    Object.assign(saved, {
      definition: body,
      etag: found ? String(Number(saved.etag) + 1) : "1",
      updated: this.now(),
      updated_by: "admin",
    });
    const act: DefinitionAct = {
      version: Number(saved.etag),
      at: this.now(),
      actor: "admin",
      actor_kind: "user",
      action: before ? "update" : "create",
      comment: url.searchParams.get("comment") ?? "",
      before,
      after: body,
      differences: differencesOf(before ?? {}, body),
    };
    this.acts.set(`${kind} ${name}`, [act, ...(this.acts.get(`${kind} ${name}`) ?? [])]);
    return { status: 200, body: saved };
  }

  private history(kind: Kind, found: Definition | undefined, name: string): DefinitionAct[] {
    const first: DefinitionAct = {
      version: 1,
      at: this.now() - 50 * HOUR,
      actor: "ada",
      actor_kind: "user",
      action: "create",
      comment: "Begin with the cheap one",
      before: null,
      after: found?.definition ?? null,
      differences: differencesOf({}, found?.definition ?? {}),
    };
    return [...(this.acts.get(`${kind} ${name}`) ?? []), first];
  }
}

function refused(status: number, code: string, detail: string): MockAnswer {
  return { status, body: { type: "about:blank", title: code, status, detail, code, hint: null } };
}
