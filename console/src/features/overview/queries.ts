import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";
import { useAddress } from "@/lib/address";
import { nowMicroseconds } from "@/lib/clock";
import { useSignedIn } from "@/lib/session";
import { windowOf } from "@/lib/time-range";

const POINTS = 60;
const REFRESH_MS = 5_000;

/** Totals, series and top lists of the address's window; follows the clock while live. */
export function useOverview() {
  const { range, live } = useAddress();
  const { project } = useSignedIn();
  return useQuery({
    queryKey: ["overview", project.id, range],
    queryFn: async ({ signal }) => {
      const window = windowOf(range, nowMicroseconds());
      const query = { project: project.id, ...window, points: POINTS };
      return bodyOf(await api.GET("/api/v1/overview", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
    refetchInterval: live ? REFRESH_MS : false,
  });
}
