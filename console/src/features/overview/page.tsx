import { Skeleton } from "@mantine/core";
import type { Overview } from "@/api/types";
import { Failure } from "@/components/failure";
import { FirstCall } from "@/components/first-call";
import { useAddress } from "@/lib/address";
import { isMoving } from "@/lib/time-range";
import { OverviewCharts } from "./charts";
import classes from "./overview.module.css";
import { useOverview } from "./queries";
import { Tiles } from "./tiles";
import { TopTables } from "./top-tables";

export function OverviewPage() {
  const { data, error, refetch } = useOverview();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  return <OverviewBody overview={data} />;
}

function OverviewBody({ overview }: { overview: Overview }) {
  const { range } = useAddress();
  const quiet = overview.totals.calls === 0;
  return (
    <div className={classes.page}>
      <Tiles totals={overview.totals} previous={overview.previous} />
      {quiet ? (
        <div className="card">
          <FirstCall
            title={
              isMoving(range) ? "No calls in this time range yet." : "No calls between these two moments."
            }
          />
        </div>
      ) : (
        <>
          <OverviewCharts overview={overview} />
          <TopTables top={overview.top} />
        </>
      )}
    </div>
  );
}

function Loading() {
  return (
    <div className={classes.page} role="status" aria-label="Loading">
      <Skeleton height={78} />
      <div className={classes.charts}>
        {["calls", "latency", "ttft", "tokens", "cost"].map((name) => (
          <Skeleton key={name} height={226} />
        ))}
      </div>
    </div>
  );
}
