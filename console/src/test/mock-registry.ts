/** Prompts, models and webhooks, as the control API keeps them; its checks are few. */

import type { Artifact, ArtifactVersion, LabelMove, Webhook } from "@/api/types";
import type { MockAnswer } from "./mock-api";

type Json = Record<string, unknown>;

interface Kept {
  artifact: Artifact;
  versions: ArtifactVersion[];
  moves: LabelMove[];
  comments: Json[];
}

const HOUR = 3_600_000_000;
const answered = (body: unknown, status = 200): MockAnswer => ({ status, body });
const page = (items: unknown[]) => answered({ items, next_cursor: null });

function refused(status: number, code: string, detail: string, field: string | null = null): MockAnswer {
  return { status, body: { status, code, detail, field, title: code } };
}

export class MockRegistry {
  readonly kept = new Map<string, Kept>();
  readonly webhooks: Webhook[] = [];

  constructor(
    private readonly now: () => number,
    filled: boolean,
  ) {
    if (!filled) return;
    const body = {
      messages: [
        { role: "system", content: "You answer for {{ product }}." },
        { role: "user", content: "{{ question }}" },
      ],
      variables: { product: { default: "Penstock" }, question: {} },
      model: "openai/gpt-4o-mini",
    };
    this.save("prompt", "support/answer", { body, message: "The first" });
    const shorter = {
      ...body,
      messages: [{ role: "system", content: "Answer for {{ product }} in one sentence." }, body.messages[1]],
    };
    this.save("prompt", "support/answer", { body: shorter, message: "Shorter" });
    this.save("prompt", "house/tone", { body: { text: "Be kind." }, message: "" });
    this.save("model", "support/small", { body: { target: "openai/gpt-4o-mini" }, message: "" });
    this.move("prompt/support/answer", "production", 1, "It was tried");
  }

  answer(method: string, path: string, params: URLSearchParams, sent: unknown): MockAnswer | undefined {
    const body = (sent ?? {}) as Json;
    if (path === "/prompts/estimate" || path === "/prompts/render") return this.render(path, body);
    if (path.startsWith("/protected-labels/") && !path.endsWith("/dataset"))
      return answered({ kind: path.split("/")[2], labels: ["production"] });
    if (path.startsWith("/webhooks")) return this.hook(method, body);
    if (path === "/playground/runs") return this.run(body);
    const [, kind = "", name = "", part, ...rest] =
      /^\/artifacts\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?(?:\/(.+))?$/.exec(path) ?? [];
    if (!kind || kind === "dataset") return undefined;
    const full = decodeURIComponent(name).replaceAll(":", "/");
    if (!name) return page(this.listed(kind, params));
    if (part === "versions" && method === "POST") {
      const before = this.kept.get(`${kind}/${full}`);
      if (!before && params.get("create") !== "true")
        return refused(404, "not_found", `There is no ${full}.`);
      const head = before?.artifact.branches[0]?.digest ?? "";
      if (body.expected !== null && body.expected !== undefined && body.expected !== head)
        return refused(412, "head_moved", "The head of main is another version by now.");
      return answered({ ...this.save(kind, full, body), outcome: "created" });
    }
    const found = this.kept.get(`${kind}/${full}`);
    if (!found) return refused(404, "not_found", `There is no ${kind} ${full}.`);
    return this.about(found, { method, part, rest: rest[0] ?? "", params, body });
  }

  private about(
    found: Kept,
    asked: { method: string; part: string | undefined; rest: string; params: URLSearchParams; body: Json },
  ): MockAnswer {
    const { artifact, versions } = found;
    const { method, part, rest, body } = asked;
    const key = `${artifact.kind}/${artifact.name}`;
    if (!part) return answered(artifact);
    if (part === "archive" || part === "unarchive")
      return answered(Object.assign(artifact, { archived: part === "archive" ? this.now() : null }));
    if (part === "versions" && rest) {
      const one = this.at(found, decodeURIComponent(rest));
      return one ? answered(one) : refused(404, "not_found", `There is no version ${rest}.`);
    }
    if (part === "versions") return page(versions);
    if (part === "label-moves") return page(found.moves);
    if (part === "labels" && rest.endsWith("/rollback")) {
      const label = rest.split("/")[0] ?? "";
      const before = found.moves.find((move) => move.label === label)?.before ?? 1;
      return answered(this.move(key, label, before, String(body.reason)));
    }
    if (part === "labels") {
      const version = this.at(found, String(body.version))?.number ?? 1;
      return answered(this.move(key, rest, version, String(body.reason)));
    }
    if (part === "diff") return answered(this.compared(found, asked));
    if (part === "comments" && method === "POST") {
      const made = {
        id: `c${found.comments.length}`,
        at: this.now(),
        actor_kind: "user",
        actor: "admin",
        ...body,
      };
      found.comments.unshift(made);
      return answered(made, 201);
    }
    if (part === "comments") return page(found.comments);
    if (part === "lineage") return answered({ nodes: [], edges: [], complete: true });
    return refused(404, "not_found", `There is nothing at ${part}.`);
  }

  save(kind: string, name: string, draft: Json): ArtifactVersion {
    const key = `${kind}/${name}`;
    const at = this.now() - HOUR;
    const found = this.kept.get(key) ?? {
      artifact: artifactOf(kind, name, at),
      versions: [],
      moves: [],
      comments: [],
    };
    const number = found.versions.length + 1;
    const version: ArtifactVersion = {
      number,
      digest: `${number}`.padStart(64, "a"),
      branch: "main",
      parent: number > 1 ? number - 1 : null,
      merged: null,
      message: String(draft.message ?? ""),
      created: at,
      created_by: "admin",
      labels: [],
      kind,
      name,
      artifact: found.artifact.id,
      body: draft.body,
    };
    found.versions.unshift(version);
    Object.assign(found.artifact, { head: number, versions: number, digest: version.digest, updated: at });
    found.artifact.branches = [
      { name: "main", head: number, digest: version.digest, created: at, created_by: "admin" },
    ];
    this.kept.set(key, found);
    return version;
  }

  private move(key: string, name: string, version: number, reason: string) {
    const found = this.kept.get(key);
    if (!found) throw new Error(`The mock has no ${key}.`);
    const before = found.artifact.labels.find((one) => one.name === name)?.version ?? null;
    const label = {
      name,
      version,
      moved: this.now(),
      moved_by: "admin",
      protected: name === "production",
    };
    found.artifact.labels = [...found.artifact.labels.filter((one) => one.name !== name), label];
    found.moves.unshift({
      id: `m${found.moves.length}`,
      label: name,
      action: "move",
      before,
      after: version,
      at: this.now(),
      actor_kind: "user",
      actor: "admin",
      reason,
    });
    return label;
  }

  private at(found: Kept, selector: string): ArtifactVersion | undefined {
    const label = found.artifact.labels.find((one) => one.name === selector)?.version;
    const number = label ?? (/^\d+$/.test(selector) ? Number(selector) : found.versions.length);
    return found.versions.find((one) => one.number === number);
  }

  private listed(kind: string, params: URLSearchParams): Artifact[] {
    const [q, folder, label] = ["q", "folder", "label"].map((name) => params.get(name) ?? "");
    const archived = params.get("archived") === "true";
    return [...this.kept.values()]
      .map((one) => one.artifact)
      .filter((one) => one.kind === kind && (one.archived !== null) === archived)
      .filter((one) => one.name.includes(q ?? "") && (!folder || one.name.startsWith(`${folder}/`)))
      .filter((one) => !label || one.labels.some((mark) => mark.name === label))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  private compared(
    found: Kept,
    { method, params, body }: { method: string; params: URLSearchParams; body: Json },
  ) {
    const after = this.at(found, params.get("to") ?? "latest");
    const from =
      method === "POST" ? String(body.version) : (params.get("from") ?? String(after?.parent ?? 1));
    const before = this.at(found, from);
    const was = (before?.body ?? {}) as Json;
    const now = (method === "POST" ? body.body : after?.body) as Json;
    const names = [...new Set([...Object.keys(was), ...Object.keys(now)])];
    const differences = names
      .filter((name) => JSON.stringify(was[name]) !== JSON.stringify(now[name]))
      .map((path) => ({
        type: "json",
        change: "changed",
        path,
        before: was[path] ?? null,
        after: now[path] ?? null,
      }));
    return { kind: found.artifact.kind, name: found.artifact.name, before, after, differences };
  }

  private render(path: string, { body, variables }: Json): MockAnswer {
    const { messages = [], variables: declared = {} } = body as { messages?: Json[]; variables?: Json };
    const given = (variables ?? {}) as Json;
    const wrong = messages.findIndex((one) => /\{\{[^}]*$/.test(String(one.content)));
    if (wrong >= 0) {
      const field = `messages[${wrong}].content`;
      return refused(
        400,
        "template_invalid",
        `${field}: the template is wrong in line 2, column 4: unexpected end.`,
        field,
      );
    }
    const missing = Object.entries(declared)
      .filter(([name, one]) => (one as Json).default === undefined && !(name in given))
      .map(([name]) => name);
    if (path.endsWith("/estimate"))
      return answered({
        input_tokens: 24,
        max_output_tokens: null,
        model: null,
        input_cost: 3_600,
        max_cost: null,
        price_version: null,
        reason: null,
        missing,
      });
    const written = messages.map((one) => ({
      ...one,
      content: String(one.content).replace(/\{\{ (\w+) \}\}/g, (_, name: string) =>
        String(given[name] ?? (declared[name] as Json | undefined)?.default ?? ""),
      ),
    }));
    return answered({
      name: null,
      version: null,
      text: null,
      messages: written,
      variables: given,
      tools: [],
      response_schema: null,
      parameters: {},
      model: null,
      warnings: [],
    });
  }

  private hook(method: string, body: Json): MockAnswer {
    if (method === "GET") return page(this.webhooks);
    const made: Webhook = {
      id: `w${this.webhooks.length}`,
      project: "p",
      name: String(body.name),
      host: "example.com",
      events: body.events as string[],
      kinds: body.kinds as string[],
      enabled: true,
      created: this.now(),
      created_by: "admin",
      updated: this.now(),
      last_sent: null,
      last_error: null,
    };
    this.webhooks.push(made);
    return answered({ ...made, secret: "whsec_abc" }, 201);
  }

  private run({ model, body, name }: Json): MockAnswer {
    const said: [string, Json][] = [
      ["started", { trace_id: "a".repeat(32), messages: [{ role: "user", content: "Hello" }] }],
      ["delta", { text: "Hello " }],
      ["delta", { text: `from ${model}${body ? "" : ` by ${name}`}` }],
      [
        "answered",
        {
          finish_reason: "stop",
          model,
          usage: { prompt_tokens: 12, completion_tokens: 3 },
          ttft: 120_000,
          duration: 400_000,
        },
      ],
      ["costed", { cost: 4_000_000 }],
    ];
    const events = said.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join("");
    return { status: 200, events };
  }
}

function artifactOf(kind: string, name: string, at: number): Artifact {
  return {
    id: `${kind}-${name}`,
    kind,
    name,
    description: "",
    tags: [],
    head: null,
    digest: null,
    versions: 0,
    labels: [],
    archived: null,
    created: at,
    created_by: "admin",
    updated: at,
    updated_by: "admin",
    branches: [],
  };
}
