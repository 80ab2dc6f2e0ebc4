/** Invented health, budgets, route statistics and savings. */

import type {
  BudgetUse,
  CacheUse,
  LimitUse,
  RouteStats,
  SpendLine,
  TargetHealth,
  VariantStat,
  WorkerRow,
} from "@/api/types";
import { KEYS, random } from "./mock-data";

const MINUTE = 60_000_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const DOLLAR = 1_000_000_000;

const NAMES = [
  "openai/gpt-4o",
  "azure/gpt-4o",
  "openai/gpt-4o-mini",
  "anthropic/claude-sonnet-4-5",
  "gemini/gemini-2.5-flash",
  "openai/text-embedding-3-small",
];

const REASON = "6 of 10 attempts failed in 30 s: upstream_error (503)";

export function targets(now: number): TargetHealth[] {
  return NAMES.map((target, index): TargetHealth => {
    const [provider = "", model = ""] = target.split("/");
    const state: TargetHealth["state"] =
      target === "azure/gpt-4o" ? "open" : index === 3 ? "half_open" : "closed";
    const since = state === "closed" ? null : now - (state === "open" ? 4 : 1) * MINUTE;
    const history: WorkerHistory = [
      { at: now - 3 * HOUR, state: "open", reason: REASON },
      { at: now - 2.6 * HOUR, state: "half_open", reason: "10 s are over" },
      { at: now - 2.5 * HOUR, state: "closed", reason: "3 probes in a row succeeded" },
      { at: now - 4 * MINUTE, state: "open", reason: REASON },
    ];
    if (state === "half_open") history.push({ at: now - MINUTE, state, reason: "10 s are over" });
    const own = state === "closed" && index !== 2 ? [] : state === "closed" ? history.slice(0, 3) : history;
    const reports = ["w1-4711", "w2-4712"].map((worker) => ({
      target,
      worker,
      state,
      reason: state === "closed" ? "" : REASON,
      since,
      attempts: 140 - index * 20,
      errors: state === "open" ? 61 : index,
      in_flight: state === "open" ? 0 : 3 + index,
      latency: 0.3 + index * 0.1,
      p95: 0.6 + index * 0.21,
      keys_aside: index === 2 ? ["backup: 401"] : [],
      history: own,
    }));
    return {
      target,
      provider,
      model,
      state,
      out: state === "closed" ? 0 : 2,
      reason: reports[0]?.reason ?? "",
      since,
      attempts: 2 * (140 - index * 20),
      errors: reports.reduce((sum, one) => sum + one.errors, 0),
      error_rate: 0.02,
      in_flight: reports.reduce((sum, one) => sum + one.in_flight, 0),
      latency: 0.3,
      p95: 0.6 + index * 0.21,
      keys_aside: index === 2 ? ["backup: 401"] : [],
      workers: reports,
      history: reports.flatMap((one) => one.history.map((change) => ({ ...change, worker: one.worker }))),
    };
  }).sort((a, b) => b.out - a.out || (a.state === "open" ? -1 : 1));
}

type WorkerHistory = WorkerRow["targets"][number]["history"];

export function workers(now: number): WorkerRow[] {
  return ["w1-4711", "w2-4712", "w1-4203"].map((worker, index) => ({
    worker,
    pid: Number(worker.slice(3)),
    program: "0.1.0",
    started: now - (index === 2 ? 30 : 2) * HOUR,
    at: index === 2 ? now - 3 * MINUTE : now,
    state: index === 2 ? "draining" : "serving",
    snapshot: index === 1 ? 40 : 41,
    newest: index !== 1,
    stale: index === 2,
    problem: null,
    in_flight: index === 2 ? 0 : 12 - index,
    calls: 184_220 - index * 3_001,
    recorded: 184_220 - index * 3_001,
    lost: 0,
    counters: "redis",
    targets: [],
    cache: { hits: 900, misses: 4_000, joined: 31, entries: 812, bytes: 4_100_000, saved: 2 * DOLLAR },
    spent: {},
    truncated: false,
  }));
}

const STATS: Record<string, [variant: string, share: number, errors: number][]> = {
  support: [
    ["cheap", 0.61, 0.02],
    ["smart", 0.33, 0.01],
    ["pool", 0.06, 0.4],
    ["next", 0, 0.01],
  ],
  writer: [
    ["main", 0.93, 0.07],
    ["spare", 0.07, 0],
  ],
  triage: [
    ["old", 0.897, 0.01],
    ["new", 0.103, 0.02],
  ],
};

export function routeStats(name: string): RouteStats {
  const calls = 12_400;
  const variants = (STATS[name] ?? []).map(([variant, share, errors], index): VariantStat => {
    const attempts = Math.round(calls * (share || 0.1) * 1.05);
    return {
      variant,
      calls: Math.round(calls * share),
      share,
      attempts,
      errors: Math.round(attempts * errors),
      p50: 620_000 + index * 90_000,
      p95: 1_900_000 + index * 300_000,
      ttft_p50: 240_000 + index * 20_000,
      tokens: attempts * 910,
      cost: attempts * 210_000 * (index + 1),
    };
  });
  const [hits, joined] = name === "support" ? [1_480, 62] : [0, 0];
  return {
    calls: variants.length ? calls : 0,
    errors: variants.length ? 37 : 0,
    hits,
    joined,
    saved: hits * 180_000,
    retries: 118,
    further: 402,
    variants,
  };
}

function line(now: number, budget: Budget, spent: number, who: SpendLine["who"]): SpendLine {
  const { start, end, hard, soft } = budget;
  const step = (end - start) / 30;
  const draw = random(Math.round(spent / DOLLAR) + 3);
  const steps = Math.max(1, Math.floor((now - start) / step));
  const weights = Array.from({ length: steps }, () => 0.2 + draw());
  const sum = weights.reduce((total, weight) => total + weight, 0);
  let total = 0;
  const series = weights.map((weight, index) => {
    const own = Math.round((spent * weight) / sum);
    total += own;
    return { t: Math.min(now, start + (index + 1) * step), spent: own, total };
  });
  const passed = (now - start) / (end - start);
  const expected = Math.round(spent / Math.max(passed, 0.02));
  const limit = hard ?? soft ?? null;
  const share = limit ? spent / limit : null;
  const reaches = (amount: number | null) =>
    amount !== null && spent < amount && expected > amount
      ? Math.round(start + (end - start) * (amount / expected))
      : null;
  return {
    counter: `${who.id}/money`,
    who,
    spent,
    unknown: who.level === "organisation" ? 14 : 0,
    share,
    state: hard !== null && spent >= hard ? "hard" : soft !== null && spent >= soft ? "soft" : "within",
    series,
    forecast: {
      method: "linear",
      explanation: "What was spent so far, carried on at the same pace to the end of the window.",
      expected,
      low: Math.round(expected * 0.85),
      high: Math.round(expected * 1.2),
      confidence: 0.8,
      reaches_soft: reaches(soft),
      reaches_hard: reaches(hard),
    },
    spenders: null,
  };
}

type Budget = Omit<BudgetUse, "lines" | "spent" | "counters">;

function budgetOf(budget: Budget, lines: SpendLine[], who: string | null): BudgetUse {
  const chosen = lines.find((one) => one.who.id === who) ?? lines[0];
  const spenders = (names: string[]) =>
    names.map((name, index) => ({
      id: name,
      name,
      cost: Math.round((chosen?.spent ?? 0) / (index + 1.9)),
      calls: 4_000 - index * 900,
    }));
  if (chosen)
    chosen.spenders = {
      projects: chosen.who.level === "organisation" ? spenders(["default", "research"]) : [],
      keys: KEYS.map((key, index) => ({
        id: key.id,
        name: key.name,
        cost: Math.round(chosen.spent / (index + 2)),
        calls: 900 - index,
      })),
      models: spenders(["anthropic/claude-sonnet-4-5", "openai/gpt-4o", "openai/gpt-4o-mini"]),
      routes: spenders(["support", "writer"]),
      users: spenders(["9f86d081884c7d65", "2c26b46b68ffc68f"]),
    };
  const spent = lines.reduce((sum, one) => sum + one.spent, 0);
  return { ...budget, spent, counters: lines.length, lines };
}

export function budgets(now: number, who: string | null = null): LimitUse[] {
  const today = Math.floor(now / DAY) * DAY;
  const month: Budget = {
    window: "month",
    start: today - 18 * DAY,
    end: today + 12 * DAY,
    hard: 10_000 * DOLLAR,
    soft: 8_000 * DOLLAR,
  };
  const day: Budget = { window: "day", start: today, end: today + DAY, hard: 20 * DOLLAR, soft: 15 * DOLLAR };
  const key = (index: number, spent: number) => {
    const one = KEYS[index] ?? KEYS[0];
    return line(now, day, spent, { level: "key", id: one?.id ?? "", name: one?.name ?? "" });
  };
  const first = { project: null, shared: false, match: [] };
  return [
    {
      ...first,
      name: "company",
      level: "organisation",
      source: "file",
      shared: true,
      budgets: [
        budgetOf(month, [line(now, month, 6_814 * DOLLAR, { level: "organisation", id: "", name: "" })], who),
      ],
      rates: [],
    },
    {
      ...first,
      name: "each-key",
      level: "key",
      source: "api",
      budgets: [budgetOf(day, [key(0, 16.4 * DOLLAR), key(1, 3.1 * DOLLAR), key(2, 0.02 * DOLLAR)], who)],
      rates: [
        {
          measure: "requests",
          window: "minute",
          hard: 600,
          peak: 571,
          share: 571 / 600,
          at: now - 17 * MINUTE,
          who: { level: "key", id: KEYS[0]?.id ?? "", name: "support-bot" },
        },
        { measure: "parallel", window: "now", hard: 40, peak: 12, share: 0.3, at: now - HOUR, who: null },
      ],
    },
    {
      ...first,
      name: "nightly",
      level: "tag",
      match: ["job=nightly"],
      source: "api",
      budgets: [],
      rates: [{ measure: "tokens", window: "minute", hard: 200_000, peak: 0, share: 0, at: null, who: null }],
    },
  ];
}

export function cacheUse(from: number, to: number, quiet: boolean): CacheUse {
  const points = 60;
  const step = Math.max(1, Math.floor((to - from) / points));
  const draw = random(11);
  const sums = (asked: number) => {
    const hits = Math.round(asked * 0.31);
    const joined = Math.round(asked * 0.02);
    return {
      asked,
      hits,
      joined,
      misses: asked - hits - joined,
      hit_rate: asked ? (hits + joined) / asked : null,
      saved: hits * 210_000,
      saved_unknown: 0,
    };
  };
  const series = Array.from({ length: points }, (_, index) => ({
    t: from + index * step,
    ...sums(quiet ? 0 : Math.round(40 + draw() * 90)),
  }));
  const asked = series.reduce((sum, one) => sum + one.asked, 0);
  return {
    from,
    to,
    step,
    totals: sums(asked),
    series,
    routes: quiet
      ? []
      : [
          { route: "support", ...sums(Math.round(asked * 0.8)) },
          { route: "index", ...sums(Math.round(asked * 0.2)) },
        ],
    live: { workers: quiet ? 0 : 2, entries: quiet ? 0 : 1_624, bytes: quiet ? 0 : 8_200_000, shared: false },
  };
}
