import { expect, test } from "vitest";
import { NO_MATCHER, namedMatchers } from "@/components/matcher-fields";
import { requestOf } from "@/features/data/deletion-dialog";
import { sayWhat } from "@/features/data/deletions";
import { budgetOption } from "@/features/slos/budget-option";
import { badOf, sayIndicator, sayObjective } from "@/features/slos/words";
import { NEW_RULE } from "./editor/rule-editor";
import { nameOf, ruleOption } from "./rule-option";
import { validateAlerts } from "./search";
import { matchersOf, writeMatchers } from "./silence-dialog";
import { sayFirings, sayLabels, sayRule, saySpan } from "./words";

test("a rule is said in one line", () => {
  expect(sayRule({ ...NEW_RULE, group_by: ["model"] })).toBe(
    "share of calls with status:(error, interrupted) over 15 min, each model > 5.0% for 5 min",
  );
  const condition = { ...NEW_RULE.condition, kind: "anomaly" as const };
  expect(sayRule({ ...NEW_RULE, condition })).toContain("above what is usual, by 5 deviations");
  expect(sayRule({ ...NEW_RULE, condition: { ...condition, kind: "change", value: 2 } })).toContain(
    "> × 2 of 7 d before",
  );
  expect(sayRule({ ...NEW_RULE, condition: { ...condition, kind: "absence" } })).toContain("is missing");
});

test("spans, labels and firings are said as people say them", () => {
  expect([saySpan(90), saySpan(7200), saySpan(604_800)]).toEqual(["90 s", "2 h", "7 d"]);
  expect(sayLabels({ alert: "A", severity: "info", model: "", route: "x" })).toBe("model=none, route=x");
  expect(sayFirings(0, 7)).toBe("would not have fired in 7 days");
  expect(sayFirings(3, 7)).toBe("would have fired 3 times in 7 days");
});

test("an alert is matched by all of its labels but the severity, and empty rows say nothing", () => {
  const matchers = matchersOf({ alert: "Slow calls", severity: "warning", model: "gpt" });
  expect(writeMatchers(matchers)).toBe("alert=Slow calls, model=gpt");
  const rows = [{ label: " env ", op: "!=" as const, value: "prod " }, NO_MATCHER];
  expect(namedMatchers(rows)).toEqual([{ label: "env", op: "!=", value: "prod" }]);
});

test("the chart of a rule shows what it is held against and when it fired", () => {
  const firing = { pending: 5, fired: 10_000, resolved: null, value: 2, threshold: 1, reason: "" };
  const series = {
    labels: { alert: "A", model: "gpt" },
    firings: [firing],
    times: [10_000],
    values: [2],
    thresholds: [1],
  };
  const option = ruleOption(
    {
      from: 0,
      to: 20_000,
      step: 60,
      evaluations: 1,
      firings: 1,
      notifications: 1,
      unit: "count",
      series: [series],
    },
    "light",
  ) as { series: { name: string; markArea?: { data: unknown } }[] };
  expect(option.series.map((one) => one.name)).toEqual(["gpt", "threshold"]);
  expect(option.series[0]?.markArea?.data).toEqual([[{ xAxis: 10 }, { xAxis: 20 }]]);
  expect(nameOf({ alert: "A" })).toBe("value");
});

test("an unknown tab of an address is the first", () => {
  expect(validateAlerts({ tab: "nothing" })).toEqual({ tab: undefined, create: undefined });
  expect(validateAlerts({ tab: "silences" }).tab).toBe("silences");
});

test("an objective says what is good, and finds what is bad", () => {
  const latency = { kind: "latency" as const, limit: 2_000_000, score: null, q: "" };
  expect(sayObjective(0.9995)).toBe("99.95%");
  expect(sayIndicator(latency)).toBe("calls within 2.00 s");
  expect(badOf(latency)).toBe("duration>2000000us");
  expect(badOf({ kind: "cost", limit: 10_000_000, score: null, q: "" })).toBe("cost>$0.01");
  expect(badOf({ kind: "score", limit: 0.5, score: "helpful", q: "" })).toBe("score.helpful<0.5");
});

test("a budget that is overspent goes below the line", () => {
  const status = {
    from: 0, to: 10, ends: 20, good: 1, total: 2, share: 0.5, objective: 0.9, budget: 0.2, bad: 1,
    remaining: -4, exhausted_at: null, burn_rates: [], points: [{ t: 10, good: 1, total: 2, remaining: -4 }],
  }; // biome-ignore format: figures
  const option = budgetOption(status, "dark") as { yAxis: { min: number } };
  expect(option.yAxis.min).toBe(-4);
});

test("a deletion is asked for as it was chosen, and says what it was", () => {
  expect(requestOf("traces", "ab")).toEqual({ traces: ["ab"] });
  expect(requestOf("user", "ana")).toEqual({ user: "ana" });
  expect(requestOf("before", "not a time")).toBeNull();
  expect(requestOf("session", "")).toBeNull();
  expect(sayWhat({ what: null })).toBe("what was kept long enough");
  expect(sayWhat({ what: { user: "ana", q: "status:error" } } as never)).toBe("user ana, status:error");
});
