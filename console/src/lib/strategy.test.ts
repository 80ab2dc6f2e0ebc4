import { describe, expect, test } from "vitest";
import { configuredShares, leavesOf, liveShare, readRoute, sayCheck, sayStrategy } from "./strategy";
import { depthOf, edgePath, layoutStrategy, WIDE } from "./strategy-layout";

const VARIANTS = {
  smart: "openai/gpt-4o",
  cheap: { model: "openai/gpt-4o-mini" },
  pool: { models: ["a/m", "b/m"] },
};

function rootOf(strategy: unknown) {
  return readRoute({ variants: VARIANTS, strategy }).root;
}

describe("a strategy in words", () => {
  test.each([
    ["smart", "smart"],
    [{ weighted: { smart: 90, cheap: 10 } }, "smart 90%, cheap 10%"],
    [{ fallback: ["smart", "pool", "cheap"] }, "smart, else pool, else cheap"],
    [{ cohort: { by: "session", split: { smart: 1, cheap: 3 } } }, "by session: smart 25%, cheap 75%"],
    [{ sticky: { by: "user", split: { smart: 1, cheap: 1 } } }, "sticky by user: smart 50%, cheap 50%"],
    [{ shadow: { use: "smart", to: "cheap", sample: "10%" } }, "smart, copy of 10% to cheap"],
    [{ shadow: { use: "smart", to: "cheap" } }, "smart, copy of 100% to cheap"],
    [{ shadow: { use: "smart", to: "cheap", sample: 0.005 } }, "smart, copy of 0.5% to cheap"],
    [{ cascade: { steps: ["cheap", "smart"], checks: [{ json: true }] } }, "cheap, if a check fails smart"],
    [{ hedge: { use: "smart", backup: "cheap" } }, "smart, hedged by cheap after p95"],
    [{ hedge: { use: "smart", backup: "cheap", after: "300ms" } }, "smart, hedged by cheap after 300ms"],
    [
      { conditional: [{ if: "stream", use: "cheap" }, { else: { fallback: ["smart", "pool"] } }] },
      "cheap if stream, else (smart, else pool)",
    ],
    [{ weighted: [{ weight: 1, use: { fallback: ["smart", "pool"] } }] }, "(smart, else pool) 100%"],
    [{ quantum: {} }, "quantum"],
  ])("%j reads %s", (strategy, words) => expect(sayStrategy(rootOf(strategy))).toBe(words));
});

test.each([
  [{ logprob: { at_least: -0.5 } }, "mean log-probability ≥ -0.5"],
  [{ regex: "order" }, "matches /order/"],
  [{ regex: { pattern: "sorry", negate: true } }, "no match of /sorry/"],
  [{ json: true }, "is JSON"],
  [{ json_schema: {} }, "JSON that fits its schema"],
  [{ judge: "critic" }, "critic says yes"],
  [{ judge: { route: "critic", question: "?" } }, "critic says yes"],
  [{}, "unknown check"],
])("the check %j reads %s", (check, words) => expect(sayCheck(check)).toBe(words));

test("a route without a strategy is its one variant", () => {
  const { root, variants } = readRoute({ variants: { only: "openai/gpt-4o" } });
  expect(root.variant).toEqual({ name: "only", models: ["openai/gpt-4o"], parameters: {} });
  expect(variants).toHaveLength(1);
});

test("a model that stands in a strategy is a variant of its own name", () => {
  const shape = readRoute({ variants: {}, strategy: { fallback: ["openai/gpt-4o", "a/m"] } });
  expect(shape.variants.map((one) => one.models)).toEqual([["openai/gpt-4o"], ["a/m"]]);
});

test("configured shares multiply along the way, and are open where a strategy leaves them open", () => {
  const split = rootOf({
    weighted: [
      { weight: 3, use: { cohort: { by: "user", split: { smart: 1, cheap: 1 } } } },
      { weight: 1, use: "cheap" },
    ],
  });
  expect(configuredShares(split)).toEqual(
    new Map([
      ["smart", 0.375],
      ["cheap", 0.625],
    ]),
  );
  const open = rootOf({ weighted: [{ weight: 1, use: { fallback: ["smart", "cheap"] } }] });
  expect(configuredShares(open)).toEqual(
    new Map([
      ["smart", null],
      ["cheap", null],
    ]),
  );
});

test("the live share of a branch is that of its variants, unless one stands elsewhere too", () => {
  const shares = new Map([
    ["smart", 0.2],
    ["cheap", 0.5],
    ["pool", 0.3],
  ]);
  const clear = rootOf({
    conditional: [{ if: "stream", use: { fallback: ["smart", "pool"] } }, { else: "cheap" }],
  });
  expect(clear.branches.map((branch) => liveShare(branch.node, clear, shares))).toEqual([0.5, 0.5]);
  const twice = rootOf({
    conditional: [{ if: "stream", use: "smart" }, { else: { fallback: ["cheap", "smart"] } }],
  });
  expect(twice.branches.map((branch) => liveShare(branch.node, twice, shares))).toEqual([null, null]);
});

describe("the picture", () => {
  const root = rootOf({
    conditional: [
      { if: "stream", use: { hedge: { use: "smart", backup: "pool" } } },
      { else: { shadow: { use: "cheap", to: "pool" } } },
    ],
  });
  const layout = layoutStrategy(root, WIDE, (node) => 40 + 10 * node.notes.length);

  test("has a box for each part, and an edge into each but the first", () => {
    expect(layout.boxes).toHaveLength(7);
    expect(layout.edges).toHaveLength(6);
    expect(depthOf(root)).toBe(2);
    expect(leavesOf(root)).toHaveLength(4);
  });

  test("lets no two boxes overlap, and lies within its size", () => {
    for (const box of layout.boxes) {
      expect(box.x + box.width).toBeLessThanOrEqual(layout.width);
      expect(box.y + box.height).toBeLessThanOrEqual(layout.height);
      for (const other of layout.boxes) {
        if (other === box) continue;
        const apart =
          box.x + box.width <= other.x ||
          other.x + other.width <= box.x ||
          box.y + box.height <= other.y ||
          other.y + other.height <= box.y;
        expect(apart, `${box.node.id} and ${other.node.id}`).toBe(true);
      }
    }
  });

  test("leads each edge from the right of one box to the left of the next", () => {
    for (const edge of layout.edges) {
      expect(edgePath(edge).startsWith(`M${edge.from.x + edge.from.width} `)).toBe(true);
      expect(edgePath(edge).endsWith(`L${edge.to.x} ${edge.to.y + edge.to.height / 2}`)).toBe(true);
    }
  });
});
