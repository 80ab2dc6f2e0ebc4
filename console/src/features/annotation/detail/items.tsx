/** The items of a queue with what each person said; one of them open beside. */

import { NativeSelect } from "@mantine/core";
import { useMemo } from "react";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import type { RowColumn } from "@/components/rows/columns";
import rowClasses from "@/components/rows/rows.module.css";
import { RowsTable } from "@/components/rows/rows-table";
import watch from "@/components/watch.module.css";
import { oneLine } from "@/features/datasets/detail/texts";
import { useKeys } from "@/lib/keys";
import { textOf } from "@/lib/messages";
import classes from "../annotation.module.css";
import { asConversation } from "../chat";
import { useItems } from "../queries";
import type { QueueSearch, Shown } from "../search";
import type { LabelledItem, Question, QueueReport } from "../types";
import { isDisputed, nameOf, sayAnswer } from "../words";
import { ItemPanel } from "./item-panel";

interface ItemsProps {
  report: QueueReport;
  search: QueueSearch;
  onChange: (next: QueueSearch) => void;
}

const keyOf = (row: LabelledItem) => row.item.id;
const NO_ITEMS: LabelledItem[] = [];

export function Items({ report, search, onChange }: ItemsProps) {
  const { queue, disagreements } = report;
  const shown: Shown = search.show ?? (disagreements > 0 ? "disagreements" : "all");
  const list = useItems(queue.id, shown);
  const items = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? NO_ITEMS, [list.data]);
  const columns = useMemo(() => columnsOf(report), [report]);
  const at = items.findIndex((row) => keyOf(row) === search.item);
  const open = items[at];
  const move = (step: number) => {
    const next = items[Math.min(items.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    if (next) onChange({ item: keyOf(next) });
  };
  useKeys({ j: () => move(1), k: () => move(-1), arrowdown: () => move(1), arrowup: () => move(-1) });
  if (list.error && !list.data) return <Failure error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <div className={classes.itemsPage} data-open={open !== undefined || undefined}>
      <div className={classes.itemsList}>
        <div className={watch.bar}>
          <NativeSelect
            size="xs"
            aria-label="Which items"
            data={choices(report)}
            value={shown}
            onChange={(event) => onChange({ show: event.currentTarget.value as Shown, item: undefined })}
          />
        </div>
        <RowsTable
          label="Items"
          rows={items}
          columns={columns}
          keyOf={keyOf}
          onOpen={(row) => onChange({ item: keyOf(row) })}
          loading={list.isPending}
          cursor={search.item ?? null}
          more={{
            has: list.hasNextPage,
            loading: list.isFetchingNextPage,
            error: list.isFetchNextPageError ? list.error : null,
            load: () => void list.fetchNextPage(),
            words: { loading: "Loading more items…", end: "No more items." },
          }}
          compactHeight={54}
          compact={(row) => <CompactItem row={row} report={report} />}
          empty={
            <Empty title={shown === "all" ? "No items yet." : "No such items."} icon="annotation">
              {shown === "all" && <p>Add items from traces, a dataset or an experiment.</p>}
              {shown === "disagreements" && <p>Nobody answered otherwise than somebody else.</p>}
            </Empty>
          }
        />
      </div>
      {open && <ItemPanel row={open} report={report} onClose={() => onChange({ item: undefined })} />}
    </div>
  );
}

function choices({ queue, disagreements, golden_items: golden }: QueueReport) {
  const open = queue.items - queue.done - queue.skipped;
  return [
    { value: "disagreements", label: `Disagreements (${disagreements})` },
    { value: "all", label: `All items (${queue.items + golden})` },
    { value: "open", label: `Open (${open} and golden ones)` },
    { value: "done", label: `Done (${queue.done})` },
    { value: "skipped", label: `Could not be judged (${queue.skipped})` },
    { value: "golden", label: `Golden (${golden})` },
  ];
}

/** The last thing that was asked, in one line. */
function inShort(value: unknown): string {
  const said = asConversation(value)
    ?.filter((message) => message.role === "user")
    .at(-1);
  return oneLine(said ? textOf(said) : value);
}

function columnsOf(report: QueueReport): RowColumn<LabelledItem>[] {
  const { questions } = report.queue;
  return [
    { id: "state", label: "State", width: 84, cell: (row) => <State row={row} /> },
    { id: "input", label: "Input", width: 200, cell: ({ item }) => inShort(item.input) },
    ...questions.map((question) => ({
      id: `answer ${question.name}`,
      label: question.name,
      width: 110,
      cell: (row: LabelledItem) => <Said row={row} question={question} />,
    })),
    { id: "output", label: "Output", width: 240, cell: ({ item }) => inShort(item.output) },
    {
      id: "by",
      label: "By",
      width: 150,
      cell: ({ labels }) => (
        <span className="dim">{labels.map((label) => nameOf(report, label.annotator)).join(", ")}</span>
      ),
    },
  ];
}

function State({ row: { item } }: { row: LabelledItem }) {
  if (item.golden) return <span className="warn">golden</span>;
  return <span className={item.state === "done" ? "good" : "dim"}>{item.state}</span>;
}

function Said({ row: { item, labels }, question }: { row: LabelledItem; question: Question }) {
  const given = labels.filter((label) => label.skipped === null).map((label) => label.answers[question.name]);
  const known = given.filter((value) => value !== undefined && value !== null);
  if (known.length === 0) return <span className="dim">{labels.length ? "–" : ""}</span>;
  const values = [...new Set(known.map(sayAnswer))];
  const disputed = !item.golden && isDisputed(question, known);
  return (
    <span className={disputed ? classes.disputed : undefined} title={values.join(" | ")}>
      {values.join(" | ")}
    </span>
  );
}

function CompactItem({ row, report }: { row: LabelledItem; report: QueueReport }) {
  const { questions } = report.queue;
  return (
    <>
      <span className={rowClasses.compactLine}>
        <span className="cut">{inShort(row.item.input)}</span>
        <span className={rowClasses.compactPush} />
        <State row={row} />
      </span>
      <span className={rowClasses.compactLine}>
        {questions.slice(0, 2).map((question) => (
          <span key={question.name} className="cut">
            <span className="dim">{question.name}</span> <Said row={row} question={question} />
          </span>
        ))}
      </span>
    </>
  );
}
