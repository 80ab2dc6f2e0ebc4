/** What watches and keeps, invented: alerts, channels, objectives, incidents, secrets, what is kept. */

import type { Secret } from "@/api/types";
import type {
  AlertPolicy,
  AlertRule,
  AlertTransition,
  Channel,
  Delivery,
  RuleSpec,
  SeriesState,
  Silence,
} from "@/features/alerts/types";
import type { Deletion } from "@/features/data/queries";
import type { Incident, PostmortemText } from "@/features/incidents/types";
import type { Slo, SloStatus } from "@/features/slos/types";
import type { MockAnswer } from "./mock-api";

const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const PROJECT = "0197c000-0000-7000-8000-000000000001";

type Body = Record<string, unknown>;

export class MockWatching {
  readonly rules: AlertRule[];
  readonly states: SeriesState[];
  readonly history: AlertTransition[];
  readonly silences: Silence[] = [];
  readonly channels: Channel[];
  readonly deliveries: Delivery[];
  policy: AlertPolicy = { group_by: ["alert"], wait: 30, interval: 300, repeat: 14_400, inhibitions: [] };
  readonly slos: Slo[];
  readonly incidents: Incident[];
  readonly postmortems: PostmortemText[] = [];
  readonly secrets: Secret[];
  readonly deletions: Deletion[] = [];

  constructor(private readonly now: () => number) {
    this.rules = [this.rule("slow", "Slow answers", "firing"), this.rule("errors", "Errors", "ok")];
    this.states = [state(this.now(), "slow", "Slow answers")];
    this.history = [transition(this.now(), "slow", "Slow answers")];
    this.channels = [this.channel("c1", "on-call", ["Slow answers"])];
    this.deliveries = [
      delivery(this.now(), "d2", "failed", "The address answered 410: gone."),
      delivery(this.now() - HOUR, "d1", "sent", null),
    ];
    this.slos = [this.slo()];
    this.incidents = [this.incident("i1", 1, "Answers are slow")];
    this.secrets = [
      this.secret("openai", ["openai"]),
      this.secret("spare", []),
      this.secret("channel.c1", []),
    ];
  }

  /** Undefined for what is none of its paths. */
  answer(
    method: string,
    path: string,
    params: URLSearchParams,
    body: unknown,
    headers?: Headers,
  ): MockAnswer | undefined {
    const [, part = "", id, of] = path.split("/");
    const sent = (body ?? {}) as Body;
    if (part === "alerts") return this.alertCall(method, id, sent);
    if (part === "silences") return this.silenceCall(method, id, sent);
    if (part === "channels") return this.channelCall(method, id, of, sent);
    if (part === "slos") return this.sloCall(method, id, of, sent);
    if (part === "incidents") return this.incidentCall(method, path, params, sent, headers);
    if (part === "secrets") return this.secretCall(method, id, sent);
    if (part === "deletions") return this.deletionCall(method, sent);
    if (part === "retention")
      return ok({ policy: method === "PUT" ? sent : { default: 90 }, updated: null, updated_by: null });
    return part === "system" ? ok(system(this.now())) : undefined;
  }

  private alertCall(method: string, id: string | undefined, sent: Body): MockAnswer {
    if (id === "states") return page(this.states);
    if (id === "history") return page(this.history);
    if (id === "policy") {
      if (method === "PUT") this.policy = sent as unknown as AlertPolicy;
      return ok(this.policy);
    }
    if (id === "test") return ok(backTest(this.now()));
    if (id === undefined) {
      if (method === "GET") return page(this.rules);
      const made = this.rule(`r${this.rules.length}`, String(sent.name), "ok");
      this.rules.push(made);
      return ok(made, 201);
    }
    return this.one(method, this.rules, id);
  }

  private silenceCall(method: string, id: string | undefined, sent: Body): MockAnswer {
    if (method === "GET") return page(this.silences);
    if (id) {
      const found = this.silences.find((one) => one.id === id);
      if (found) found.state = "ended";
      return { status: 204 };
    }
    const made = {
      ...(sent as unknown as Pick<Silence, "matchers" | "comment" | "ends">),
      id: `s${this.silences.length}`,
      project: PROJECT,
      starts: this.now(),
      created: this.now(),
      created_by: "admin",
      state: "active" as const,
    };
    this.silences.unshift(made);
    return ok(made, 201);
  }

  private channelCall(
    method: string,
    id: string | undefined,
    of: string | undefined,
    sent: Body,
  ): MockAnswer {
    if (of === "deliveries") return page(this.deliveries);
    if (of === "test") return ok({ sent: false, error: "The address answered 410: gone." });
    if (id === undefined) {
      if (method === "GET") return page(this.channels);
      const made = this.channel(`c${this.channels.length + 1}`, String(sent.name), []);
      this.channels.push(made);
      return ok({ ...made, secret: "whsec_invented" }, 201);
    }
    const found = this.channels.find((one) => one.id === id);
    if (method === "PUT" && found) found.name = String(sent.name);
    return this.one(method, this.channels, id);
  }

  private sloCall(method: string, id: string | undefined, of: string | undefined, sent: Body): MockAnswer {
    if (id === undefined) {
      if (method === "GET") return page(this.slos);
      const made = { ...this.slo(), id: "slo2", spec: sent as unknown as Slo["spec"] };
      this.slos.push(made);
      return ok(made, 201);
    }
    if (id === "test" || of === "status") return ok(sloStatus(this.now()));
    return this.one(method, this.slos, id);
  }

  private incidentCall(
    method: string,
    path: string,
    params: URLSearchParams,
    sent: Body,
    headers?: Headers,
  ): MockAnswer {
    const [, , id, of, step] = path.split("/");
    if (id === undefined) {
      if (method === "POST") {
        const made = this.incident(`i${this.incidents.length + 1}`, 2, String(sent.title));
        this.incidents.unshift(made);
        return ok(made, 201);
      }
      const wanted = params.get("state");
      return page(this.incidents.filter((one) => !wanted || one.state === wanted));
    }
    const incident = this.incidents.find((one) => one.id === id);
    if (!incident) return missing();
    if (of === "postmortem") return this.postmortemCall(method, incident, params, sent, headers);
    if (of === "notes")
      return ok({ id: "e9", at: this.now(), kind: "note", by: "admin", data: {}, ...sent }, 201);
    if (of === "steps") {
      const found = incident.steps[Number(step)];
      if (found) Object.assign(found, { done: sent.done, at: this.now(), by: "admin" });
      return ok(incident);
    }
    if (method === "PATCH") return ok(Object.assign(incident, sent));
    const opened = { id: "e1", at: incident.opened, kind: "opened", by: "admin", text: "Opened", data: {} };
    return ok({ incident, timeline: [opened], traces: [] });
  }

  private postmortemCall(
    method: string,
    incident: Incident,
    params: URLSearchParams,
    sent: Body,
    headers?: Headers,
  ): MockAnswer {
    const draft = {
      markdown: `# ${incident.title}\n\nIt lasted 2 h.`,
      version: 0,
      saved: null,
      saved_by: null,
    };
    const last = this.postmortems.at(-1) ?? draft;
    if (method === "GET") {
      const version = Number(params.get("version") ?? last.version);
      return ok(version === 0 ? draft : this.postmortems[version - 1]);
    }
    const wanted = headers?.get("if-match")?.replaceAll('"', "");
    if (wanted !== "*" && Number(wanted) !== last.version)
      return {
        status: 412,
        body: { status: 412, code: "postmortem_changed", detail: "Somebody else has saved it since." },
      };
    const made = {
      markdown: String(sent.markdown),
      version: last.version + 1,
      saved: this.now(),
      saved_by: "admin",
    };
    this.postmortems.push(made);
    return ok(made);
  }

  private secretCall(method: string, id: string | undefined, sent: Body): MockAnswer {
    if (id === "rotate") return ok({ resealed: this.secrets.length, master_key: "4d717044", kept: [] });
    if (method === "GET") return page(this.secrets);
    if (method === "POST") {
      const made = { ...this.secret(String(sent.name), []), origins: (sent.origins ?? []) as string[] };
      const at = this.secrets.findIndex((one) => one.name === made.name);
      if (at < 0) this.secrets.push(made);
      else this.secrets[at] = made;
      return ok(made);
    }
    const at = this.secrets.findIndex((one) => one.name === id);
    if (at >= 0) this.secrets.splice(at, 1);
    return { status: 204 };
  }

  private deletionCall(method: string, sent: Body): MockAnswer {
    if (method === "GET") return page(this.deletions);
    const made: Deletion = {
      id: "x1",
      project: PROJECT,
      what: sent,
      state: "running",
      requested: this.now(),
      requested_by: "admin",
      started: this.now(),
      finished: null,
      total: 40,
      spans: 10,
      scores: 1,
      lines: 0,
      verified: null,
      error: null,
    };
    this.deletions.unshift(made);
    return ok(made, 201);
  }

  private one(method: string, among: { id: string }[], id: string): MockAnswer {
    const at = among.findIndex((one) => one.id === id);
    if (at < 0) return missing();
    if (method !== "DELETE") return ok(among[at]);
    among.splice(at, 1);
    return { status: 204 };
  }

  private made() {
    return {
      created: this.now() - DAY,
      created_by: "admin",
      updated: this.now() - HOUR,
      updated_by: "admin",
    };
  }

  private rule(id: string, name: string, standing: AlertRule["state"]): AlertRule {
    const spec = {
      name,
      metric: { population: "calls", aggregation: "p95", field: "duration", of: null, q: "" },
      window: 900,
      condition: { kind: "threshold", op: ">", value: 8_000_000 },
      severity: "warning",
      group_by: ["model"],
      labels: { team: "care" },
      channels: ["on-call"],
      enabled: true,
    } as unknown as RuleSpec;
    const firing = standing === "firing" ? 1 : 0;
    return {
      id, project: PROJECT, version: 1, spec, state: standing, firing, evaluated: this.now(), error: null,
      ...this.made(),
    }; // biome-ignore format: one record
  }

  private channel(id: string, name: string, used_by: string[]): Channel {
    return {
      id,
      project: PROJECT,
      name,
      kind: "webhook",
      used_by,
      last_sent: null,
      last_error: null,
      ...this.made(),
    };
  }

  private secret(name: string, used_by: string[]): Secret {
    return { name, used_by, origins: ["https://api.openai.com:443"], master_key: "a1b2c3d4", ...this.made() };
  }

  private slo(): Slo {
    const spec = {
      name: "Answers come", objective: 0.99, period: "30d", description: "",
      indicator: { kind: "availability", q: "", limit: null, score: null },
    } as unknown as Slo["spec"]; // biome-ignore format: one record
    return { id: "slo1", project: PROJECT, version: 1, state: "ok", spec, ...this.made() };
  }

  private incident(id: string, number: number, title: string): Incident {
    const step = (text: string) => ({ text, done: false, at: null, by: null });
    return {
      id, number, title, project: PROJECT, state: "open", severity: "sev2", owner: null, summary: "p95 above 8 s",
      opened: this.now() - 2 * HOUR, opened_by: "admin", acknowledged: null, mitigated: null, resolved: null,
      labels: {}, rule: null, series: null, runbook: null, steps: [step("Look at the provider"), step("Tell support")],
    } as unknown as Incident; // biome-ignore format: one record
  }
}

function state(now: number, rule: string, name: string): SeriesState {
  return {
    rule, name, project: PROJECT, source: "rule", series: "g1", severity: "warning", state: "firing",
    labels: { alert: name, severity: "warning", team: "care", model: "gpt-4o" }, since: now - HOUR,
    firing_since: now - HOUR, value: 9_000_000, threshold: 8_000_000, count: 40, unit: "microseconds",
    evaluated: now, reason: "9.00 s > 8.00 s", seen: now, silenced_by: null, inhibited: false,
    pending_since: null, right_since: null,
  }; // biome-ignore format: one record
}

function transition(now: number, rule: string, name: string): AlertTransition {
  return {
    id: "t1", rule, name, project: PROJECT, source: "rule", series: "g1", severity: "warning", at: now - HOUR,
    labels: { alert: name, model: "gpt-4o" }, before: "pending", after: "firing", value: 9_000_000,
    threshold: 8_000_000, unit: "microseconds", reason: "9.00 s > 8.00 s", from: now - 2 * HOUR, to: now - HOUR,
    query: "model:gpt-4o", link: "/traces?q=model:gpt-4o",
  }; // biome-ignore format: one record
}

function delivery(at: number, id: string, status: Delivery["status"], error: string | null): Delivery {
  const title = status === "failed" ? "Slow answers fires" : "Slow answers is resolved";
  return { id, channel: "c1", created: at, status, attempts: 3, next_try: null, finished: at, title, error };
}

function backTest(now: number): unknown {
  return {
    from: now - 7 * DAY, to: now, step: 60, unit: "microseconds", evaluations: 10_080, firings: 0,
    notifications: 0, series: [],
  }; // biome-ignore format: one record
}

function sloStatus(now: number): SloStatus {
  const from = now - 20 * DAY;
  const points = [0, 10, 20].map((days) => ({
    t: from + days * DAY, good: 990 + days, total: 1000 + days, remaining: 1 - days / 25,
  })); // biome-ignore format: one record
  const rate = { severity: "critical" as const, long: 3600, short: 300, bad: 2, breached: false };
  return {
    from, to: now, ends: from + 30 * DAY, good: 99_500, total: 100_000, share: 0.995, objective: 0.99, bad: 500,
    budget: 1_000, remaining: 0.5, exhausted_at: null, points,
    burn_rates: [{ ...rate, threshold: 14.4, long_rate: 0.7, short_rate: 0.4 }],
  }; // biome-ignore format: one record
}

function system(now: number): unknown {
  return {
    version: "0.1.0",
    journal: { waiting_segments: 0, waiting_bytes: 0, quarantined: 0 },
    ingest: { stored_spans: 1_000_000, last_ingested: now - MINUTE, error: null },
    disk: {
      spans_bytes: 863_000_000, rows_bytes: 724_000_000, payload_bytes: 0, rollup_bytes: 54_000_000,
      text_index_bytes: 27_000_000, score_bytes: 0, reusable_bytes: 57_000_000, growth_bytes: 28_000_000,
      journal_bytes: 0, intake_bytes: 0, waiting_score_bytes: 0, metadata_bytes: 797_000,
      free_bytes: 32_000_000_000, projects: [{ id: PROJECT, spans: 1_000_000 }],
    },
  }; // biome-ignore format: one record
}

function ok(body: unknown, status = 200): MockAnswer {
  return { status, body };
}

function page(items: readonly unknown[]): MockAnswer {
  return ok({ items, next_cursor: null });
}

function missing(): MockAnswer {
  return { status: 404, body: { status: 404, code: "not_found", detail: "There is no such thing." } };
}
