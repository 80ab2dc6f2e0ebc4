/** A route's definition, in the form of the configuration file, as a tree that can be drawn and said in words. */

export interface Variant {
  name: string;
  /** `provider/model`; several are replicas. */
  models: string[];
  parameters: Record<string, unknown>;
}

/** How a part of a strategy comes to be called. */
export type Way =
  /** It may answer the caller from the start. */
  | "serves"
  /** It is called when what stands before it did not do. */
  | "stands by"
  /** It gets a copy, and answers nobody. */
  | "copies";

export interface Branch {
  /** Why this branch is taken: `90%`, `first`, `if tags.tier == "gold"`. */
  label: string;
  way: Way;
  /** Share of what reaches the strategy, 0 to 1; null when the strategy does not say. */
  share: number | null;
  node: StrategyNode;
}

export interface StrategyNode {
  /** Its place in the tree: `0`, `0.1`. */
  id: string;
  kind: string;
  /** For a leaf: what it calls. */
  variant: Variant | null;
  /** What the strategy goes by, in a few words. */
  notes: string[];
  branches: Branch[];
}

export interface RouteShape {
  variants: Variant[];
  root: StrategyNode;
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): string[] {
  return listOf(value).map(String);
}

function percent(share: number): string {
  const value = share * 100;
  return `${Number(value.toFixed(value < 1 ? 2 : 1))}%`;
}

/** `10%` of a file, or a number from 0 to 1. */
function shareOf(value: unknown): number {
  if (typeof value === "number") return value;
  const text = String(value ?? "100%");
  return text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
}

export function readVariant(name: string, said: unknown): Variant {
  if (typeof said === "string") return { name, models: [said], parameters: {} };
  const fields = fieldsOf(said);
  const models = fields.model === undefined ? texts(fields.models) : [String(fields.model)];
  return { name, models, parameters: fieldsOf(fields.parameters) };
}

/** The tree of a definition. What cannot be understood becomes a leaf that says so, never an error. */
export function readRoute(definition: unknown): RouteShape {
  const fields = fieldsOf(definition);
  const variants = Object.entries(fieldsOf(fields.variants)).map(([name, said]) => readVariant(name, said));
  const reader = new Reader(new Map(variants.map((one) => [one.name, one])));
  const root = reader.node(fields.strategy ?? variants[0]?.name ?? "", "0");
  return { variants: [...reader.variants.values()], root };
}

class Reader {
  constructor(readonly variants: Map<string, Variant>) {}

  node(said: unknown, id: string): StrategyNode {
    if (typeof said === "string") return this.leaf(said, id);
    const [kind = "", body] = Object.entries(fieldsOf(said))[0] ?? [];
    const make = (notes: string[], branches: Omit<Branch, "node">[], parts: unknown[]): StrategyNode => ({
      id,
      kind,
      variant: null,
      notes,
      branches: branches.map((branch, index) => ({
        ...branch,
        node: this.node(parts[index], `${id}.${index}`),
      })),
    });
    const fields = fieldsOf(body);
    switch (kind) {
      case "weighted":
        return make(["each call by itself, at random"], ...choices(body));
      case "cohort":
        return make([`by ${fields.by}`, "the same caller gets the same choice"], ...choices(fields.split));
      case "sticky":
        return make([`by ${fields.by}`, "callers move on while theirs is out"], ...choices(fields.split));
      case "fallback":
        return make(["in order, until one starts to answer"], ...inOrder(listOf(body), "if it fails"));
      case "cascade":
        return make(
          ["cheap first; checks:", ...listOf(fields.checks).map(sayCheck)],
          ...inOrder(listOf(fields.steps), "if a check fails"),
        );
      case "conditional":
        return make(["the first rule that is true"], ...rules(listOf(body)));
      case "shadow":
        return make(
          [],
          [
            { label: "answers", way: "serves", share: 1 },
            { label: `copy of ${percent(shareOf(fields.sample))}`, way: "copies", share: null },
          ],
          [fields.use, fields.to],
        );
      case "hedge":
        return make(
          ["the first to give content wins"],
          [
            { label: "at once", way: "serves", share: null },
            { label: hedgeDelay(fields), way: "stands by", share: null },
          ],
          [fields.use, fields.backup],
        );
      default:
        return { id, kind: kind || "unknown", variant: null, notes: ["not understood"], branches: [] };
    }
  }

  private leaf(name: string, id: string): StrategyNode {
    const variant = this.variants.get(name) ?? { name, models: [name], parameters: {} };
    this.variants.set(name, variant);
    return { id, kind: "use", variant, notes: [], branches: [] };
  }
}

type Parts = [branches: Omit<Branch, "node">[], parts: unknown[]];

function choices(said: unknown): Parts {
  const pairs: [number, unknown][] = Array.isArray(said)
    ? said.map(fieldsOf).map((choice) => [Number(choice.weight), choice.use])
    : Object.entries(fieldsOf(said)).map(([name, weight]) => [Number(weight), name]);
  const total = pairs.reduce((sum, [weight]) => sum + weight, 0) || 1;
  return [
    pairs.map(([weight]) => ({ label: percent(weight / total), way: "serves", share: weight / total })),
    pairs.map(([, use]) => use),
  ];
}

function inOrder(parts: unknown[], then: string): Parts {
  return [
    parts.map((_, index) => ({
      label: index === 0 ? "first" : then,
      way: index === 0 ? "serves" : "stands by",
      share: null,
    })),
    parts,
  ];
}

function rules(said: unknown[]): Parts {
  const list = said.map(fieldsOf);
  return [
    list.map((rule) => ({
      label: "else" in rule ? "else" : `if ${rule.if}`,
      way: "serves",
      share: null,
    })),
    list.map((rule) => ("else" in rule ? rule.else : rule.use)),
  ];
}

function hedgeDelay({ after, at_least }: Fields): string {
  const delay = after === undefined || after === "p95" ? "p95" : String(after);
  return `after ${delay}${delay === "p95" && at_least ? `, ≥ ${at_least}` : ""}`;
}

/** A check of a cascade: `mean log-probability ≥ -0.5`, `matches /order \d+/`. */
export function sayCheck(said: unknown): string {
  const [kind = "", body] = Object.entries(fieldsOf(said))[0] ?? [];
  const fields = fieldsOf(body);
  switch (kind) {
    case "logprob":
      return `mean log-probability ≥ ${fields.at_least}`;
    case "regex":
      return `${fields.negate ? "no match of" : "matches"} /${typeof body === "string" ? body : fields.pattern}/`;
    case "json":
      return "is JSON";
    case "json_schema":
      return "JSON that fits its schema";
    case "judge":
      return `${typeof body === "string" ? body : fields.route} says yes`;
    default:
      return kind || "unknown check";
  }
}

/** A strategy in one line: `smart 90%, cheap 10%`, `smart, else cheap`. */
export function sayStrategy(node: StrategyNode, depth = 0): string {
  if (node.variant) return node.variant.name;
  const parts = node.branches.map((branch) => ({ ...branch, text: sayStrategy(branch.node, depth + 1) }));
  const text = sayParts(node, parts);
  return depth > 0 && parts.length > 1 ? `(${text})` : text;
}

function sayParts(node: StrategyNode, parts: (Branch & { text: string })[]): string {
  const [first, second] = parts;
  const split = parts.map((part) => `${part.text} ${part.label}`).join(", ");
  switch (node.kind) {
    case "weighted":
      return split;
    case "cohort":
      return `${node.notes[0]}: ${split}`;
    case "sticky":
      return `sticky ${node.notes[0]}: ${split}`;
    case "fallback":
      return parts.map((part) => part.text).join(", else ");
    case "conditional":
      return parts
        .map((part) => (part.label === "else" ? `else ${part.text}` : `${part.text} ${part.label}`))
        .join(", ");
    case "cascade":
      return parts.map((part) => part.text).join(", if a check fails ");
    case "shadow":
      return `${first?.text}, ${second?.label} to ${second?.text}`;
    case "hedge":
      return `${first?.text}, hedged by ${second?.text} ${second?.label}`;
    default:
      return node.kind;
  }
}

/** Every leaf, with its configured share of all calls where the strategies say one; null where they do not. */
export function leavesOf(
  root: StrategyNode,
): { node: StrategyNode; variant: Variant; share: number | null }[] {
  if (root.variant) return [{ node: root, variant: root.variant, share: 1 }];
  return root.branches.flatMap((branch) =>
    leavesOf(branch.node).map((leaf) => ({
      ...leaf,
      share: branch.share === null || leaf.share === null ? null : branch.share * leaf.share,
    })),
  );
}

/** What share of a route's calls each variant is meant to answer: a sum, or null when a strategy leaves it open. */
export function configuredShares(root: StrategyNode): Map<string, number | null> {
  const shares = new Map<string, number | null>();
  for (const { variant, share } of leavesOf(root)) {
    const before = shares.get(variant.name);
    shares.set(
      variant.name,
      before === undefined ? share : before === null || share === null ? null : before + share,
    );
  }
  return shares;
}

/**
 * The share of live calls that reached a node, from the share that each variant answered. Null when one of its
 * variants also stands elsewhere in the tree, because calls do not say by which way they came.
 */
export function liveShare(
  node: StrategyNode,
  root: StrategyNode,
  shares: ReadonlyMap<string, number>,
): number | null {
  const everywhere = leavesOf(root).map((leaf) => leaf.variant.name);
  const own = leavesOf(node).map((leaf) => leaf.variant.name);
  const names = new Set(own);
  if (everywhere.filter((name) => names.has(name)).length !== own.length) return null;
  return [...names].reduce((sum, name) => sum + (shares.get(name) ?? 0), 0);
}
