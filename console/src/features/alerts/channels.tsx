import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { ChannelDialog } from "./channel-dialog";
import { DeliveriesDialog } from "./deliveries";
import { useChannels, useChannelWrites } from "./queries";
import type { Channel } from "./types";

export function Channels() {
  const { data, error, refetch } = useChannels();
  const { may } = useSignedIn();
  const [adding, setAdding] = useState(false);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={160} role="status" aria-label="Loading" />;
  const writer = may("alerts:write");
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Where alerts are told: Slack, e-mail, PagerDuty, a webhook and many more.
        </p>
        {writer && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setAdding(true)}>
            Add a channel
          </Button>
        )}
      </div>
      {data.length === 0 ? (
        <div className="card">
          <Empty title="Alerts are told nowhere." icon="out">
            <p>
              They are listed here all the same. Add a channel, then name it in the rules that shall use it.
            </p>
          </Empty>
        </div>
      ) : (
        <ul className={`card ${classes.list}`} aria-label="Channels">
          {data.map((one) => (
            <Row key={one.id} channel={one} writer={writer} />
          ))}
        </ul>
      )}
      {adding && <ChannelDialog channel={null} onClose={() => setAdding(false)} />}
    </div>
  );
}

function Row({ channel, writer }: { channel: Channel; writer: boolean }) {
  const { test, remove } = useChannelWrites();
  const [open, setOpen] = useState<"change" | "delete" | "deliveries" | null>(null);
  const close = () => setOpen(null);
  const used = channel.used_by.length ? `told by ${channel.used_by.join(", ")}` : "told by no rule";
  const sent = channel.last_sent
    ? `last sent ${formatAgo(channel.last_sent, nowMicroseconds())}`
    : "never sent";
  return (
    <li>
      <span className="dim">{channel.kind}</span>
      <div>
        <span className={classes.name}>{channel.name}</span>
        <div className={classes.said}>
          {used}, {sent}
        </div>
        {channel.last_error && <div className={classes.grave}>{channel.last_error}</div>}
        {test.data && (
          <div role="status" className={test.data.sent ? "good" : classes.grave}>
            {test.data.sent ? "The test was sent." : `The test failed: ${test.data.error}`}
          </div>
        )}
        {(test.error ?? remove.error) && <Failure error={test.error ?? remove.error} />}
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
              onClick={() => test.mutate(channel.id)}
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
      {open === "deliveries" && <DeliveriesDialog channel={channel} onClose={close} />}
      {open === "change" && <ChannelDialog channel={channel} onClose={close} />}
      {open === "delete" && (
        <ConfirmDialog
          title={`Delete ${channel.name}?`}
          text="Nobody is told by it any more."
          action="Delete"
          loading={remove.isPending}
          onClose={close}
          onConfirm={() => remove.mutate(channel.id, { onSettled: close })}
        />
      )}
    </li>
  );
}
