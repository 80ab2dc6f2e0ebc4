import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import type { Webhook } from "@/api/types";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { WebhookDeliveries } from "./webhook-deliveries";
import { WebhookDialog } from "./webhook-dialog";
import { useWebhooks, useWebhookWrites } from "./webhook-queries";

/** Who is told of what happens in the registry. */
export function Webhooks() {
  const { data, error, refetch } = useWebhooks();
  const { may } = useSignedIn();
  const [adding, setAdding] = useState(false);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={160} role="status" aria-label="Loading" />;
  const writer = may("webhooks:write");
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Each event of the registry is posted to these addresses, signed as Standard Webhooks.
        </p>
        {writer && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setAdding(true)}>
            Add a webhook
          </Button>
        )}
      </div>
      {data.length === 0 ? (
        <div className="card">
          <Empty title="Nobody is told of changes." icon="out">
            <p>
              A webhook starts a pipeline when a version is saved, or tells a channel when{" "}
              <code>production</code> moves.
            </p>
          </Empty>
        </div>
      ) : (
        <ul className={`card ${classes.list}`} aria-label="Webhooks">
          {data.map((one) => (
            <Row key={one.id} webhook={one} writer={writer} />
          ))}
        </ul>
      )}
      {adding && <WebhookDialog webhook={null} onClose={() => setAdding(false)} />}
    </div>
  );
}

function Row({ webhook, writer }: { webhook: Webhook; writer: boolean }) {
  const { test, remove } = useWebhookWrites();
  const [open, setOpen] = useState<"change" | "delete" | "deliveries" | null>(null);
  const close = () => setOpen(null);
  const sent = webhook.last_sent
    ? `last sent ${formatAgo(webhook.last_sent, nowMicroseconds())}`
    : "never sent";
  const failure = test.error ?? remove.error;
  return (
    <li>
      <span className="dim">{webhook.enabled ? webhook.host : "off"}</span>
      <div>
        <span className={classes.name}>{webhook.name}</span>
        <div className={classes.said}>
          {webhook.events.join(", ") || "all events"} of {webhook.kinds.join(", ") || "all kinds"}, {sent}
        </div>
        {webhook.last_error && <div className={classes.grave}>{webhook.last_error}</div>}
        {test.data && (
          <div role="status" className={test.data.sent ? "good" : classes.grave}>
            {test.data.sent ? "The test was sent." : `The test failed: ${test.data.error}`}
          </div>
        )}
        {failure && <Failure error={failure} />}
      </div>
      <div className={classes.aside}>
        <Button size="compact-xs" variant="default" onClick={() => setOpen("deliveries")}>
          Deliveries
        </Button>
        {writer && (
          <>
            <Button
              size="compact-xs"
              variant="default"
              loading={test.isPending}
              onClick={() => test.mutate(webhook.id)}
            >
              Test
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => setOpen("change")}>
              Change
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => setOpen("delete")}>
              Delete
            </Button>
          </>
        )}
      </div>
      {open === "deliveries" && <WebhookDeliveries webhook={webhook} writer={writer} onClose={close} />}
      {open === "change" && <WebhookDialog webhook={webhook} onClose={close} />}
      {open === "delete" && (
        <ConfirmDialog
          title={`Delete ${webhook.name}?`}
          text="What waits to be sent to it is dropped."
          action="Delete"
          loading={remove.isPending}
          onClose={close}
          onConfirm={() => remove.mutate(webhook.id, { onSettled: close })}
        />
      )}
    </li>
  );
}
