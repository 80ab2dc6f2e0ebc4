/** One queue: its items with what people said, how good the labels are, and what was asked. */

import { Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { QueueForm } from "../edit/queue-form";
import { useReport } from "../queries";
import { QUEUE_TABS, type QueueSearch, type QueueTab } from "../search";
import type { QueueReport } from "../types";
import { AddPanel } from "./add-panel";
import { Header } from "./header";
import { Items } from "./items";
import { Quality } from "./quality";
import { Rubric } from "./rubric";

const route = getRouteApi("/app/annotation/$queue");
const LABELS: Record<QueueTab, string> = {
  items: "Items",
  quality: "Agreement and annotators",
  rubric: "Rubric",
};

export function QueuePage() {
  const { queue } = route.useParams();
  const { data, error, refetch } = useReport(queue);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div role="status" aria-label="Loading the queue">
        <Skeleton height={70} mb={12} />
        <Skeleton height={320} />
      </div>
    );
  return <Body key={data.queue.id} report={data} />;
}

function Body({ report }: { report: QueueReport }) {
  const search = route.useSearch();
  const { tab = "items", add, edit, item } = search;
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const change = (next: QueueSearch, replace = true) =>
    void navigate({ to: ".", search: (before: object) => ({ ...before, ...next }), replace } as never);
  const toList = () => void navigate({ to: "/annotation", search: {} });
  const close = { add: undefined, traces: undefined, edit: undefined, item: undefined };
  useKeys({
    escape: () => (add || edit || item ? change(close) : toList()),
    l: () =>
      may("annotation:label") &&
      void navigate({ to: "/annotation/$queue/label", params: { queue: report.queue.id } }),
  });
  if (edit && may("annotation:write"))
    return <QueueForm queue={report.queue} onDone={() => change(close)} onCancel={() => change(close)} />;
  return (
    <div className={watch.page}>
      <Header report={report} onBack={toList} onChange={change} />
      {add && may("annotation:write") && (
        <AddPanel
          queue={report.queue}
          source={add}
          filter={search.traces}
          onSource={(next) => change({ add: next })}
          onClose={() => change(close)}
        />
      )}
      <Tabs
        value={tab}
        onChange={(value) => change({ tab: value === "items" ? undefined : (value as QueueTab) })}
        keepMounted={false}
      >
        <Tabs.List>
          {QUEUE_TABS.map((id) => (
            <Tabs.Tab key={id} value={id} py={8} fz="sm">
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="items" pt={12}>
          <Items report={report} search={search} onChange={change} />
        </Tabs.Panel>
        <Tabs.Panel value="quality" pt={12}>
          <Quality report={report} />
        </Tabs.Panel>
        <Tabs.Panel value="rubric" pt={12}>
          <Rubric queue={report.queue} />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}
