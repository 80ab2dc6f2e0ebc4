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
import { CompactExperiment, experimentColumns } from "./columns";
import { NewExperiment } from "./create/page";
import { useExperiments } from "./queries";
import type { Experiment } from "./types";

const route = getRouteApi("/app/experiments");
const idOf = (row: Experiment) => row.id;
const COLUMNS = experimentColumns();

export function ExperimentsPage() {
  const { create } = route.useSearch();
  const { may } = useSignedIn();
  return create && may("experiments:write") ? <NewExperiment /> : <ExperimentList />;
}

function ExperimentList() {
  const list = useExperiments();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const all = list.data?.pages.flatMap((page) => page.items) ?? [];
  const open = (row: Experiment) =>
    void navigate({ to: "/experiments/$experiment", params: { experiment: row.id }, search: {} });
  const cursor = useCursor(all, idOf, open);
  const create = may("experiments:write") && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: "/experiments", search: { create: "yes" } })}
    >
      New experiment
    </Button>
  );
  if (!list.data && list.error) return <Failure error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <div className={rows.page}>
      <div className={watch.bar}>
        <p className={watch.lead}>
          Every row of a dataset is asked of every variant and judged the same way; gates say whether the new
          one may go out.
        </p>
        {all.length > 0 && create}
      </div>
      <RowsTable
        label="Experiments"
        rows={all}
        columns={COLUMNS}
        keyOf={idOf}
        onOpen={open}
        loading={list.isPending}
        cursor={cursor.key}
        more={{
          has: list.hasNextPage,
          loading: list.isFetchingNextPage,
          error: list.isFetchNextPageError ? list.error : null,
          load: () => void list.fetchNextPage(),
          words: { loading: "Loading more experiments…", end: "No more experiments." },
        }}
        compactHeight={64}
        compact={(row) => <CompactExperiment row={row} />}
        empty={
          <Empty title="No experiments in this project." icon="experiments">
            <p>
              An experiment tells whether a new prompt or model is better than the old one, and how sure that
              is. Start one here, or in CI with <code>penstock eval run</code>.
            </p>
            {create || <p>Your role may not start experiments. Ask an editor.</p>}
          </Empty>
        }
      />
    </div>
  );
}
