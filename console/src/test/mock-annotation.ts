/** Queues that people label, invented. */

import type {
  Answers,
  ItemLabel,
  LabelledItem,
  NewLabel,
  NewQueue,
  Queue,
  QueueReport,
  Task,
} from "@/features/annotation/types";
import type { MockAnswer } from "./mock-api";

const MINUTE = 60_000_000;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
/** Who labels in the console; the other one is Ben. */
const SELF = "u1";

type Body = Record<string, unknown>;

export class MockAnnotation {
  readonly queues: Queue[];
  readonly items: LabelledItem[];

  constructor(
    private readonly now: () => number,
    any: boolean,
  ) {
    this.queues = any ? [this.queue("q1", "tone-of-support")] : [];
    this.items = Array.from({ length: any ? 6 : 0 }, (_, index) => this.item(index));
  }

  /** Undefined for what is none of its paths. */
  answer(method: string, path: string, params: URLSearchParams, body: unknown): MockAnswer | undefined {
    const found = this.found(method, path, params, (body ?? {}) as Body);
    if (found === undefined) return undefined;
    if (method === "DELETE") return { status: 204 };
    return { status: method === "POST" && path === "/annotation" ? 201 : 200, body: found };
  }

  private found(method: string, path: string, params: URLSearchParams, body: Body): unknown {
    if (path === "/annotation") {
      if (method === "GET") return { items: this.queues, next_cursor: null };
      const made = {
        ...this.queue("q9", ""),
        ...(body as unknown as NewQueue),
        items: 0,
        done: 0,
        skipped: 0,
      };
      this.queues.push(made as Queue);
      return made;
    }
    const [, id, rest = ""] = /^\/annotation\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
    const queue = this.queues.find((one) => one.id === id || one.name === id);
    if (!queue) return undefined;
    if (rest === "" && method === "PUT") return Object.assign(queue, body);
    if (rest === "" && method === "DELETE") return this.queues.splice(this.queues.indexOf(queue), 1);
    if (rest === "") return this.report(queue);
    if (rest === "next") return { task: this.next(queue, params.get("beside")) };
    if (rest === "labelled") return { items: this.labelled(queue), next_cursor: null };
    if (rest === "items" && method === "POST") return { added: 20 };
    if (rest === "items") return { items: this.shown(params), next_cursor: null };
    const [, item] = /^items\/([^/]+)\/label$/.exec(rest) ?? [];
    return item === undefined ? undefined : this.label(item, body as unknown as NewLabel);
  }

  private queue(id: string, name: string): Queue {
    const question = { guidance: "", categories: [], least: null, most: null, required: true };
    return {
      id,
      name,
      description: "How support sounds.",
      questions: [
        { ...question, name: "polite", type: "boolean", guidance: "Would you show this to a customer?" },
        { ...question, name: "tone", type: "category", categories: ["calm", "neutral", "angry"] },
        { ...question, name: "grade", type: "number", least: 1, most: 5, required: false },
        { ...question, name: "fix", type: "text", required: false },
      ],
      annotators: [],
      doubled: 0.2,
      lease_seconds: 900,
      evaluator: null,
      created: this.now() - 600 * MINUTE,
      created_by: SELF,
      items: 5,
      done: 2,
      skipped: 0,
    };
  }

  private item(index: number): LabelledItem {
    const known = index < 2;
    const golden = index === 5 ? { polite: true } : null;
    const said = (annotator: string, answers: Answers): ItemLabel => ({
      annotator,
      answers,
      skipped: null,
      comment: annotator === SELF ? "Curt." : "",
      created: this.now() - 5 * MINUTE,
    });
    return {
      item: {
        id: `i${index}`,
        queue: "q1",
        position: index,
        state: known ? "done" : "open",
        source: { trace_id: TRACE, span_id: null },
        input: [{ role: "user", content: `Where is parcel ${index}?` }],
        output: `On its way, number ${index}.`,
        reference: null,
        context: [],
        golden,
        wanted: golden ? 0 : known ? 2 : 1,
        assigned: [],
        passed: [],
        created: this.now() - 60 * MINUTE,
      } as unknown as LabelledItem["item"],
      labels: known
        ? [
            said(SELF, { polite: index === 0, tone: "calm" }),
            said("ben", { polite: true, tone: index === 0 ? "calm" : "angry" }),
          ]
        : [],
    };
  }

  private next(queue: Queue, beside: string | null): Task | null {
    const waiting = this.items.filter(
      ({ item, labels }) =>
        item.id !== beside && item.state === "open" && !labels.some((one) => one.annotator === SELF),
    );
    const first = waiting[0];
    return first ? this.task(queue, first, waiting.length, null) : null;
  }

  private labelled(queue: Queue): Task[] {
    return this.items
      .flatMap((one) => one.labels.map((label) => ({ one, label })))
      .filter(({ label }) => label.annotator === SELF)
      .sort((a, b) => b.label.created - a.label.created)
      .map(({ one, label }) => this.task(queue, one, 0, label));
  }

  private task(queue: Queue, { item }: LabelledItem, left: number, label: ItemLabel | null): Task {
    const { input, output, context, id } = item;
    const until = label ? 0 : this.now() + 15 * MINUTE;
    return {
      item: id,
      queue: queue.id,
      input,
      output,
      context,
      questions: queue.questions,
      until,
      label,
      left,
    };
  }

  private label(id: string, { answers, skip, comment }: NewLabel): ItemLabel | undefined {
    const found = this.items.find(({ item }) => item.id === id);
    if (!found) return undefined;
    const label: ItemLabel = {
      annotator: SELF,
      answers: (answers ?? {}) as ItemLabel["answers"],
      skipped: skip ?? null,
      comment: comment ?? "",
      created: this.now(),
    };
    found.labels = [...found.labels.filter((one) => one.annotator !== SELF), label];
    return label;
  }

  private shown(params: URLSearchParams): LabelledItem[] {
    const state = params.get("state");
    const only = params.get("only");
    return this.items.filter(
      ({ item }) =>
        (state === null || item.state === state) &&
        (only !== "golden" || item.golden !== null) &&
        (only !== "disagreements" || item.position < 2),
    );
  }

  private report(queue: Queue): QueueReport {
    const alpha = (value: number) => ({
      value,
      n: 2,
      interval: { low: value - 0.2, high: value + 0.1, level: 0.95, method: "bootstrap" },
    });
    const any = queue.id === "q1";
    const of = (question: string, value: number | null) => ({
      question,
      items: any ? 2 : 0,
      same: any ? 0.5 : null,
      alpha: any && value !== null ? alpha(value) : null,
    });
    return {
      queue,
      names: { [SELF]: "Robin" },
      disagreements: any ? 2 : 0,
      golden_items: any ? 1 : 0,
      agreement: [of("polite", 0.85), of("tone", 0.31), of("grade", null), of("fix", null)],
      annotators: any
        ? [
            { annotator: SELF, labelled: 2, skipped: 0, last: this.now() - 5 * MINUTE, median_seconds: 7.4 },
            {
              annotator: "ben",
              labelled: 2,
              skipped: 1,
              last: this.now() - 9 * MINUTE,
              median_seconds: null,
            },
          ]
        : [],
      golden: any
        ? [{ annotator: "ben", question: "polite", right: 1, answered: 4, accuracy: alpha(0.25) }]
        : [],
    } as QueueReport;
  }
}
