/** Datasets and experiments, invented. */

import type { ArtifactRow } from "@/api/types";
import type { Import, Preview, StoredRow } from "@/features/datasets/types";
import type { CellView, Experiment, Figure, MetricSummary, Summary } from "@/features/experiments/types";
import type { MockAnswer } from "./mock-api";

const MINUTE = 60_000_000;
const PROJECT = "0197c000-0000-7000-8000-000000000001";
const ROWS = 40;

type Body = Record<string, unknown>;

const EVALUATOR_TYPES = [
  {
    type: "exact",
    title: "Exact match",
    description: "Whether the answer is the reference.",
    group: "text",
    parameters: [],
    installed: true,
    judge: false,
  },
  {
    type: "regex",
    title: "Regular expression",
    description: "Whether a pattern is found in the answer.",
    group: "text",
    parameters: [
      { name: "pattern", description: "", required: true, default: null, schema: { type: "string" } },
      { name: "full", description: "", required: false, default: false, schema: { type: "boolean" } },
    ],
    installed: true,
    judge: false,
  },
];

export class MockEvals {
  readonly experiments: Experiment[];
  readonly rows: StoredRow[];
  readonly dataset: ArtifactRow;
  import: Import | null = null;

  constructor(
    private readonly now: () => number,
    any: boolean,
  ) {
    this.experiments = any
      ? [this.experiment("e2", "Shorter answers", "running"), this.experiment("e1", "New model", "done")]
      : [];
    this.rows = Array.from({ length: any ? ROWS : 0 }, (_, index) => makeRow(index));
    this.dataset = {
      id: "d1",
      kind: "dataset",
      name: "support/refunds",
      description: "Questions on refunds.",
      tags: ["support"],
      head: 2,
      digest: "b".repeat(64),
      versions: 2,
      labels: [{ name: "golden", version: 1, moved: now(), moved_by: "admin", protected: false }],
      archived: null,
      created: now() - 60 * MINUTE,
      created_by: "admin",
      updated: now() - 5 * MINUTE,
      updated_by: "admin",
    };
  }

  /** Undefined for what is none of its paths. */
  answer(method: string, path: string, params: URLSearchParams, body: unknown): MockAnswer | undefined {
    const found = this.found(method, path, params, (body ?? {}) as Body);
    return found === undefined
      ? undefined
      : { status: method === "POST" && path === "/experiments" ? 201 : 200, body: found };
  }

  private found(method: string, path: string, params: URLSearchParams, body: Body): unknown {
    if (path === "/artifacts/dataset") return page(this.rows.length ? [this.dataset] : []);
    if (path.startsWith("/artifacts/dataset/")) return this.artifact(path);
    if (path === "/protected-labels/dataset") return { kind: "dataset", labels: [] };
    if (path.startsWith("/datasets/")) return this.datasetCall(method, path, params, body);
    if (path === "/evaluators/types") return page(EVALUATOR_TYPES);
    if (path === "/evaluators") return page([]);
    if (path === "/experiments") {
      if (method === "GET") return page(this.experiments);
      const made = { ...this.experiment("e9", "", "draft"), spec: body.spec as Experiment["spec"] };
      made.name = made.spec.name;
      this.experiments.unshift(made);
      return made;
    }
    const [, id, rest = ""] = /^\/experiments\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    const one = this.experiments.find((each) => each.id === id);
    return one && this.experimentCall(one, rest, params);
  }

  private experimentCall(one: Experiment, rest: string, params: URLSearchParams): unknown {
    if (rest === "") return one;
    if (rest === "summary") return summary();
    if (rest === "differences") return differences(params);
    if (rest === "start") return Object.assign(one, { state: "waiting" });
    if (rest === "pause") return Object.assign(one, { state: "paused" });
    if (rest === "cancel") return Object.assign(one, { state: "cancelled" });
    const [, position] = /^rows\/(\d+)$/.exec(rest) ?? [];
    return position === undefined ? undefined : rowView(Number(position));
  }

  private artifact(path: string): unknown {
    if (path.endsWith("/versions")) return page([this.version(2), this.version(1)]);
    if (/\/(comments|branches|label-moves)$/.test(path)) return page([]);
    const { head, digest, created, created_by } = this.dataset;
    const branch = { name: "main", head: head ?? 0, digest: digest ?? "", created, created_by };
    return { ...this.dataset, branches: [branch] };
  }

  private version(number: number) {
    return {
      number,
      digest: String(number).repeat(64).slice(0, 64),
      branch: "main",
      parent: number > 1 ? number - 1 : null,
      merged: null,
      message: number > 1 ? "Change the row row-1" : "Import refunds.csv",
      created: this.now() - (10 - number) * MINUTE,
      created_by: "admin",
      labels: number === 2 ? ["latest"] : ["golden"],
    };
  }

  private datasetCall(method: string, path: string, params: URLSearchParams, body: Body): unknown {
    if (path === "/datasets/uploads" || path.endsWith("/preview")) return this.preview(path, body);
    if (path.startsWith("/datasets/imports/")) return { ...this.import, state: "done", rows: 3, version: 3 };
    if (path.endsWith("/import") || path.endsWith("/from-traces")) {
      this.import = { id: "i1", dataset: "x", state: "waiting", rows: 0, started: this.now() } as Import;
      return this.import;
    }
    if (path.endsWith("/splits")) return splits(method, body);
    if (path.endsWith("/diff")) return rowDiff();
    if (path.endsWith("/contents"))
      return { rows: { d0: makeRow(1), d1: { ...makeRow(1), reference: "no" } } };
    if (!path.endsWith("/rows")) return undefined;
    if (method === "PATCH")
      return { ...this.version(3), outcome: "created", body: {}, kind: "dataset", name: "x" };
    const start = Number(params.get("cursor") ?? 0);
    const split = params.get("split");
    const words = (params.get("q") ?? "").toLowerCase().split(" ");
    const items = this.rows.filter(
      (row) =>
        (split === null || row.split === split) &&
        words.every((word) => JSON.stringify(row).toLowerCase().includes(word)),
    );
    return {
      version: 2,
      rows: this.rows.length,
      items: items.slice(start, start + 200),
      positions: items.map((_, index) => index),
      next_cursor: null,
    };
  }

  private preview(path: string, body: Body): unknown {
    if (path.includes("from-traces"))
      return { matching: 128, from: 0, to: this.now(), rows: [{ input: "Where is my parcel?" }] };
    const mapping = (body.mapping ?? { input: "question", reference: "answer" }) as Preview["mapping"];
    return {
      upload: "u1",
      name: "refunds.csv",
      format: "csv",
      bytes: 2048,
      columns: ["question", "answer", "language"],
      records: [],
      mapping,
      rows: [{ input: "May I return it?", reference: "yes", metadata: { language: "en" } }],
    };
  }

  private experiment(id: string, name: string, state: Experiment["state"]): Experiment {
    const running = state === "running";
    return {
      id,
      project: PROJECT,
      name,
      state,
      reason: null,
      spec: {
        name,
        dataset: "support/refunds@2",
        variants: [
          { name: "old", model: "support", parameters: { temperature: 0 } },
          { name: "new", model: "openai/gpt-4o-mini" },
        ],
        evaluators: [{ type: "exact" }],
        gate: ["exact >= baseline - 1pt"],
        slices: ["language"],
      },
      counts: {
        total: 2 * ROWS,
        done: running ? ROWS : 2 * ROWS - 2,
        errors: state === "draft" ? 0 : 2,
        cached: 10,
        unscored: 0,
        cost: 12_000_000,
        unpriced: 0,
      },
      rows: ROWS,
      salt: "",
      evaluators: { d: "exact" },
      runner: running ? "console" : null,
      lease: null,
      created: this.now() - 10 * MINUTE,
      created_by: "admin",
      started: this.now() - 9 * MINUTE,
      finished: running ? null : this.now() - 8 * MINUTE,
    };
  }
}

function page<Row>(items: Row[]) {
  return { items, next_cursor: null };
}

function makeRow(index: number): StoredRow {
  return {
    id: `row-${index}`,
    input: index === 3 ? { question: "May I return it?", language: "en" } : `Question ${index} on a refund`,
    reference: index % 2 ? "yes" : "no",
    metadata: { language: index % 3 ? "en" : "de" },
    split: index % 5 ? "train" : "test",
    digest: `digest-${index}`,
  };
}

function splits(method: string, body: Body): unknown {
  if (method === "PUT") return { number: 3, outcome: "created", shares: body.shares };
  return {
    items: [
      { split: "train", rows: 32 },
      { split: "test", rows: 8 },
    ],
    splits: { shares: { train: 80, test: 20 }, salt: "refunds" },
    next_cursor: null,
  };
}

function rowDiff() {
  const changes = [{ id: "row-1", change: "changed", before: "d0", after: "d1" }];
  return { added: 0, removed: 0, changed: 1, changes, splits_changed: false };
}

function figure(value: number, around: number): Figure {
  return { value, low: value - around, high: value + around, method: "wilson" };
}

function metric(name: string, unit: MetricSummary["unit"], value: number, around: number): MetricSummary {
  return {
    metric: name,
    unit,
    n: 38,
    unscored: 0,
    reasons: {},
    figure: figure(value, around),
    labels: {},
    groups: null,
  };
}

function summary(): Summary {
  const variant = (name: string, quality: number, cost: number, errors: number) => ({
    variant: name,
    done: 39,
    errors,
    error_reasons: errors ? { "the provider answered 500": errors } : ({} as Record<string, number>),
    cached: 5,
    paid: 6_000_000,
    unpriced: 0,
    metrics: [
      metric("exact", "share", quality, 0.08),
      metric("latency", "seconds", 1.2, 0.1),
      metric("cost", "dollars", cost, cost / 10),
    ],
    latency_p50: figure(1.1, 0.1),
    latency_p95: figure(2.4, 0.4),
  });
  const compared = { variant: "new", baseline: "old", n: 38, p_record: 0.03 };
  return {
    baseline: "old",
    confidence: 0.95,
    variants: [variant("old", 0.8, 0.0004, 0), variant("new", 0.62, 0.0001, 2)],
    comparisons: [
      {
        ...compared,
        metric: "exact",
        unit: "share",
        difference: { value: -0.18, low: -0.3, high: -0.06, method: "t" },
        p: 0.004,
        p_corrected: 0.008,
        test: "McNemar's exact test",
        wins: 2,
        losses: 9,
        ties: 27,
      },
      {
        ...compared,
        metric: "cost",
        unit: "dollars",
        difference: { value: -0.0003, low: -0.00035, high: -0.00025, method: "t" },
        p: 0.00001,
        p_corrected: 0.00002,
        test: "paired t-test",
        wins: 0,
        losses: 38,
        ties: 0,
      },
    ],
    slices: ["en", "de"].map((value) => ({
      field: "language",
      value,
      rows: 20,
      variants: { old: [metric("exact", "share", 0.8, 0.15)], new: [metric("exact", "share", 0.6, 0.16)] },
    })),
    gates: {
      new: {
        verdict: "INCONCLUSIVE",
        reason: "One rule cannot be told yet.",
        rules: [
          {
            rule: "exact >= baseline - 1pt",
            verdict: "INCONCLUSIVE",
            reason: "The interval holds the limit.",
            unit: "share",
            value: 0.62,
            baseline: 0.8,
            compared: -0.18,
            limit: -0.01,
            interval: { low: -0.3, high: 0.02 } as never,
            n: 38,
            groups: null,
            unscored: 0,
            unmatched: 0,
            p_pass: 0.9,
            p_fail: 0.08,
            rows_needed: 420,
          },
        ],
        settings: {} as never,
      },
    },
  } as Summary;
}

function differences(params: URLSearchParams) {
  const change = params.get("change");
  const all = Array.from({ length: ROWS }, (_, position) => {
    const difference = position < 9 ? -1 : position < 11 ? 1 : 0;
    return {
      position,
      id: `row-${position}`,
      input: `Question ${position} on a refund`,
      values: { old: difference < 0 ? 1 : 0, new: difference > 0 ? 1 : 0 },
      difference,
      change: difference < 0 ? "fell" : difference > 0 ? "rose" : "same",
    };
  });
  return {
    metric: params.get("metric"),
    variant: params.get("variant") ?? "new",
    baseline: "old",
    counts: { fell: 9, rose: 2, same: 29, missing: 0 },
    items: all.filter((one) => change === null || one.change === change),
    next_cursor: null,
  };
}

function rowView(position: number) {
  const cell = (variant: string, text: string, right: boolean): CellView => ({
    position,
    variant,
    repetition: 0,
    error: null,
    cached: variant === "old",
    attempts: 1,
    cost: 100_000,
    output: {
      text,
      latency: 1_200_000,
      trace_id: "0af7651916cd43dd8448eb211c80319c",
    } as CellView["output"],
    findings: [
      {
        name: "exact",
        value: right,
        reason: right ? null : "Expected 'no'.",
      } as CellView["findings"][number],
    ],
  });
  return {
    row: { position, id: `row-${position}`, input: `Question ${position} on a refund`, reference: "no" },
    cells: [cell("old", "no", true), cell("new", "yes, of course", false)],
  };
}
