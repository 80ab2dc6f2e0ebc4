import { Button } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import rows from "@/components/rows/rows.module.css";
import { RowsTable } from "@/components/rows/rows-table";
import { useCursor } from "@/components/rows/use-cursor";
import watch from "@/components/watch.module.css";
import { toAddress } from "@/lib/artifacts";
import { useSignedIn } from "@/lib/session";
import { CompactJudge, JUDGE_COLUMNS } from "./columns";
import { useKnownEvaluators } from "./queries";
import { StartCalibration } from "./start";
import { type JudgeRow, judgeRows } from "./words";

const route = getRouteApi("/app/calibrations");
const idOf = (row: JudgeRow) => `${row.name} ${row.version.version ?? row.version.evaluator} ${row.metric}`;

export function CalibrationsPage() {
  const { create } = route.useSearch();
  const { may } = useSignedIn();
  return create && may("evaluators:write") ? <StartCalibration /> : <JudgeList />;
}

function JudgeList() {
  const list = useKnownEvaluators(true);
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const all = judgeRows(list.data?.pages.flatMap((page) => page.items) ?? []);
  const begin = (judge?: string) => void navigate({ to: "/calibrations", search: { create: "yes", judge } });
  const open = (row: JudgeRow) => {
    if (row.calibration === null && may("evaluators:write") && row.version.version !== null)
      begin(`${row.name}@${row.version.version}`);
    else
      void navigate({
        to: "/calibrations/$name",
        params: { name: toAddress(row.name) },
        search: { report: row.calibration?.id },
      });
  };
  const cursor = useCursor(all, idOf, open);
  const start = may("evaluators:write") && (
    <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => begin()}>
      Calibrate a judge
    </Button>
  );
  if (!list.data && list.error) return <Failure error={list.error} onRetry={() => void list.refetch()} />;
  return (
    <div className={rows.page}>
      <div className={watch.bar}>
        <p className={watch.lead}>
          A judge may gate once a version of it agrees with people. Each version stands for itself: a new one
          begins anew.
        </p>
        {all.length > 0 && start}
      </div>
      <RowsTable
        label="Judges"
        rows={all}
        columns={JUDGE_COLUMNS}
        keyOf={idOf}
        onOpen={open}
        loading={list.isPending}
        cursor={cursor.key}
        more={{
          has: list.hasNextPage,
          loading: list.isFetchingNextPage,
          error: list.isFetchNextPageError ? list.error : null,
          load: () => void list.fetchNextPage(),
          words: { loading: "Loading more judges…", end: "No more judges." },
        }}
        compactHeight={64}
        compact={(row) => <CompactJudge row={row} />}
        empty={
          <Empty title="No judges in this project." icon="calibrations">
            <p>
              A judge is an evaluator that asks a model. Save one in the registry as an <code>evaluator</code>
              , let people label answers, and hold the judge against them here.
            </p>
          </Empty>
        }
      />
    </div>
  );
}
