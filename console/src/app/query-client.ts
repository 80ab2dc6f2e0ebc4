import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiProblem, Unreachable } from "@/api/problem";
import { reportConnection } from "@/lib/live";

/** Failures that a second try may cure. */
function isPassing(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof ApiProblem && error.status >= 502);
}

/** One cache for the page. `onUnauthenticated` is called whenever an answer says that the session is over. */
export function makeQueryClient(onUnauthenticated: () => void): QueryClient {
  const onError = (error: unknown) => {
    if (error instanceof ApiProblem && error.status === 401) onUnauthenticated();
    if (isPassing(error)) reportConnection("reconnecting");
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError, onSuccess: () => reportConnection("connected") }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        refetchOnWindowFocus: false,
        retry: (count, error) => isPassing(error) && count < 2,
        retryDelay: (count) => Math.min(1_000 * 2 ** count, 5_000),
      },
    },
  });
}
