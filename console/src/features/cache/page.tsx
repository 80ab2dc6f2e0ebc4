import { Skeleton } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { api, bodyOf } from "@/api/client";
import type { CacheUse } from "@/api/types";
import { CopyBox } from "@/components/copy";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";
import classes from "./cache.module.css";
import { CacheCharts } from "./charts";
import { RouteTable } from "./route-table";
import { Tiles } from "./tiles";

const POINTS = 60;
const REFRESH_MS = 5_000;

function useCacheUse() {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["cache", project.id, range],
    queryFn: async ({ signal }): Promise<CacheUse> => {
      const query = { project: project.id, ...windowOf(range, nowMicroseconds()), points: POINTS };
      return bodyOf(await api.GET("/api/v1/cache", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: live ? REFRESH_MS : false,
  });
}

export function CachePage() {
  const { data, error, refetch } = useCacheUse();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div className={classes.page} role="status" aria-label="Loading">
        <Skeleton height={78} />
        <Skeleton height={226} />
      </div>
    );
  return (
    <div className={classes.page}>
      <Tiles use={data} />
      {data.totals.asked === 0 ? (
        <NotAsked />
      ) : (
        <>
          <CacheCharts use={data} />
          <RouteTable routes={data.routes} />
        </>
      )}
    </div>
  );
}

const EXAMPLE = `variants:
  fast: openai/gpt-4o-mini
cache: {ttl: 1h}`;

function NotAsked() {
  return (
    <div className="card">
      <Empty title="No call asked the cache in this time range." icon="cache">
        <p>
          A route with <code>cache</code> gives the same answer again to the same request, at no cost;
          identical calls at the same time cost one. Turn it on in the definition of a{" "}
          <Link to="/routes" search={{}}>
            route
          </Link>
          .
        </p>
        <CopyBox text={EXAMPLE} label="Copy the example" />
      </Empty>
    </div>
  );
}
