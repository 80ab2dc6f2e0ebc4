import { Button, Skeleton } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import type { Definition, DefinitionAct } from "@/api/types";
import { Failure } from "@/components/failure";
import { nowMicroseconds } from "@/lib/clock";
import { type DefinitionKind, placeOf, useDefinitionCalls } from "@/lib/definitions";
import { formatAgo, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./definition.module.css";
import { Differences } from "./differences";

const VERBS = { create: "created it", update: "changed it", delete: "deleted it" } as const;

/** Who changed it, when, why, and what. */
export function DefinitionHistory({ kind, definition }: { kind: DefinitionKind; definition: Definition }) {
  if (definition.source === "file")
    return (
      <p className={classes.none}>
        It stands in {placeOf(definition)}; its history is that of the file, in your version control.
      </p>
    );
  return <Acts kind={kind} definition={definition} />;
}

function Acts({ kind, definition }: { kind: DefinitionKind; definition: Definition }) {
  const calls = useDefinitionCalls(kind);
  const { project } = useSignedIn();
  const place = { name: definition.name, everywhere: definition.project === null };
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: [kind, "history", project.id, place.name, place.everywhere, definition.etag],
    queryFn: ({ pageParam, signal }) => calls.history(place, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
  });
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={120} role="status" aria-label="Loading the history" />;
  const acts = data.pages.flatMap((page) => page.items);
  return (
    <ol className={classes.acts}>
      {acts.map((act) => (
        <Act key={act.version} act={act} />
      ))}
      {hasNextPage && (
        <li>
          <Button
            size="xs"
            variant="default"
            loading={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            Show older changes
          </Button>
        </li>
      )}
    </ol>
  );
}

function Act({ act }: { act: DefinitionAct }) {
  return (
    <li>
      <div className={classes.actHead}>
        <b>Version {act.version}</b>
        <span>
          {act.actor} <span className="faint">({act.actor_kind})</span> {VERBS[act.action]}
        </span>
        <time className="dim" title={formatTime(act.at)}>
          {formatAgo(act.at, nowMicroseconds())}
        </time>
        {act.comment && <q className="dim">{act.comment}</q>}
      </div>
      {act.action !== "delete" && <Differences differences={act.differences} />}
    </li>
  );
}
