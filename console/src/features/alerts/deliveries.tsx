import { Button, Modal, Skeleton } from "@mantine/core";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { useDeliveries } from "./queries";
import type { Channel, Delivery } from "./types";

/** What was sent through a channel, what waits for another try, and what was given up. */
export function DeliveriesDialog({ channel, onClose }: { channel: Channel; onClose: () => void }) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useDeliveries(channel.id);
  const rows = data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Modal opened onClose={onClose} title={`Told by ${channel.name}`} size="lg">
      {error && !data && <Failure error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Skeleton height={160} role="status" aria-label="Loading" />}
      {data && rows.length === 0 && <p className={classes.none}>Nothing was told by it yet.</p>}
      {rows.length > 0 && (
        <ul className={classes.list} aria-label="Deliveries">
          {rows.map((one) => (
            <li key={one.id}>
              <span className={TONES[one.status]}>{one.status}</span>
              <div>
                <span className={classes.name}>{one.title}</span>
                {one.error && <div className={classes.grave}>{one.error}</div>}
              </div>
              <div className={classes.aside}>{sayWhen(one)}</div>
            </li>
          ))}
        </ul>
      )}
      {hasNextPage && (
        <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show more
        </Button>
      )}
    </Modal>
  );
}

const TONES: Record<Delivery["status"], string> = {
  sent: "good",
  failed: classes.grave ?? "",
  waiting: "warn",
};

export function sayWhen(one: Delivery): string {
  const tries = one.attempts > 1 ? `, ${one.attempts} tries` : "";
  if (one.status === "waiting" && one.next_try) return `tried again ${formatMinute(one.next_try)}${tries}`;
  return `${formatMinute(one.finished ?? one.created)}${tries}`;
}
