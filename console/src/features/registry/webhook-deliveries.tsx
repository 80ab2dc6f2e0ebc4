import { Button, Modal, Skeleton } from "@mantine/core";
import type { Webhook, WebhookDelivery } from "@/api/types";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { useWebhookDeliveries, useWebhookWrites } from "./webhook-queries";

interface WebhookDeliveriesProps {
  webhook: Webhook;
  writer: boolean;
  onClose: () => void;
}

/** What was sent to it, what waits for another try, and what was given up. */
export function WebhookDeliveries({ webhook, writer, onClose }: WebhookDeliveriesProps) {
  const list = useWebhookDeliveries(webhook.id);
  const { retry } = useWebhookWrites();
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Modal opened onClose={onClose} title={`Sent to ${webhook.name}`} size="lg">
      {list.error && !list.data && <Failure error={list.error} onRetry={() => void list.refetch()} />}
      {!list.data && !list.error && <Skeleton height={160} role="status" aria-label="Loading" />}
      {list.data && rows.length === 0 && <p className={classes.none}>Nothing was sent to it yet.</p>}
      {retry.error && <Failure error={retry.error} />}
      <ul className={classes.list} aria-label="Deliveries">
        {rows.map((one) => (
          <li key={one.id}>
            <span className={TONES[one.status]}>{one.status}</span>
            <div>
              <span className={classes.name}>{one.type}</span>
              {one.error && <div className={classes.grave}>{one.error}</div>}
            </div>
            <div className={classes.aside}>
              {sayWhen(one)}
              {one.status === "dead" && writer && (
                <Button
                  size="compact-xs"
                  variant="default"
                  loading={retry.isPending && retry.variables === one.id}
                  onClick={() => retry.mutate(one.id)}
                >
                  Try again
                </Button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {list.hasNextPage && (
        <Button
          size="xs"
          variant="default"
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          Show more
        </Button>
      )}
    </Modal>
  );
}

const TONES: Record<WebhookDelivery["status"], string> = {
  sent: "good",
  dead: classes.grave ?? "",
  waiting: "warn",
};

function sayWhen({ status, next_try, finished, created, attempts }: WebhookDelivery): string {
  const tries = attempts > 1 ? `, ${attempts} tries` : "";
  if (status === "waiting" && next_try) return `tried again ${formatMinute(next_try)}${tries}`;
  return `${formatMinute(finished ?? created)}${tries}`;
}
