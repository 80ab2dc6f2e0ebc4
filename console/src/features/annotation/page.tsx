import { Button } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import rows from "@/components/rows/rows.module.css";
import { RowsTable } from "@/components/rows/rows-table";
import { useCursor } from "@/components/rows/use-cursor";
import watch from "@/components/watch.module.css";
import { useSignedIn } from "@/lib/session";
import { CompactQueue, QUEUE_COLUMNS } from "./columns";
import { QueueForm } from "./edit/queue-form";
import { useQueues } from "./queries";
import type { Queue } from "./types";

const route = getRouteApi("/app/annotation");
const idOf = (row: Queue) => row.id;

export function AnnotationPage() {
  const { create, traces } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  if (!create || !may("annotation:write")) return <QueueList />;
  return (
    <QueueForm
      queue={null}
      onDone={(made) =>
        void navigate({
          to: "/annotation/$queue",
          params: { queue: made.id },
          search: { add: "traces", traces },
        })
      }
      onCancel={() => void navigate({ to: "/annotation", search: {} })}
    />
  );
}

function QueueList() {
  const { traces } = route.useSearch();
  const list = useQueues();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const all = list.data?.pages.flatMap((page) => page.items) ?? [];
  const adding = traces !== undefined && may("annotation:write");
  const open = (row: Queue) =>
    void navigate({
      to: "/annotation/$queue",
      params: { queue: row.id },
      search: adding ? { add: "traces", traces } : {},
    });
  const annotate = (row: Queue) =>
    may("annotation:label") && void navigate({ to: "/annotation/$queue/label", params: { queue: row.id } });
  const cursor = useCursor(all, idOf, open, { keys: { l: annotate } });
  const create = may("annotation:write") && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: "/annotation", search: { create: "yes", traces } })}
    >
      New queue
    </Button>
  );
  if (!list.data && list.error) return <Failure error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <div className={rows.page}>
      <div className={watch.bar}>
        <p className={watch.lead}>
          {adding
            ? "Choose the queue that the traces are added to, or make one."
            : "People answer the questions of a rubric. Their labels are scores, and what judges are held against."}
        </p>
        {all.length > 0 && create}
      </div>
      <RowsTable
        label="Queues"
        rows={all}
        columns={QUEUE_COLUMNS}
        keyOf={idOf}
        onOpen={open}
        loading={list.isPending}
        cursor={cursor.key}
        more={{
          has: list.hasNextPage,
          loading: list.isFetchingNextPage,
          error: list.isFetchNextPageError ? list.error : null,
          load: () => void list.fetchNextPage(),
          words: { loading: "Loading more queues…", end: "No more queues." },
        }}
        compactHeight={64}
        compact={(row) => <CompactQueue row={row} />}
        empty={
          <Empty title="No queues in this project." icon="annotation">
            <p>
              A queue holds answers that people judge by a rubric: to find out what is wrong, to make known
              answers, and to tell whether a judge can be trusted.
            </p>
            {create || <p>Your role may not make queues. Ask an editor.</p>}
          </Empty>
        }
      />
    </div>
  );
}
