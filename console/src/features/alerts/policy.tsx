/** How alerts become notifications: which go together, how often they are told, which hold others back. */

import { Button, Group, NumberInput, Skeleton, Stack, TagsInput } from "@mantine/core";
import { useState } from "react";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { useSignedIn } from "@/lib/session";
import { InhibitionDialog } from "./inhibition-dialog";
import { useKnownLabels, usePolicy, usePolicyWrite } from "./queries";
import { writeMatchers } from "./silence-dialog";
import type { AlertPolicy, Inhibition } from "./types";
import { saySpan } from "./words";

export function Policy() {
  const { data, error, refetch } = usePolicy();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  return (
    <div className={classes.page}>
      <Grouping key={JSON.stringify([data.group_by, data.wait, data.interval, data.repeat])} policy={data} />
      <Inhibitions policy={data} />
    </div>
  );
}

const TIMES = [
  { field: "wait", label: "Wait", description: "Before a group is told first, for others to join it." },
  { field: "interval", label: "Tell of changes", description: "At most this often." },
  { field: "repeat", label: "Repeat", description: "While nothing changes." },
] as const;

function Grouping({ policy }: { policy: AlertPolicy }) {
  const { may } = useSignedIn();
  const writer = may("alerts:write");
  const write = usePolicyWrite();
  const known = useKnownLabels();
  const [groups, setGroups] = useState(policy.group_by ?? []);
  const [times, setTimes] = useState({
    wait: policy.wait,
    interval: policy.interval,
    repeat: policy.repeat,
  });
  const next = { ...policy, ...times, group_by: groups };
  const changed = JSON.stringify(next) !== JSON.stringify({ ...policy, group_by: policy.group_by ?? [] });
  return (
    <form
      className={`card ${classes.pad}`}
      aria-label="Grouping"
      onSubmit={(event) => {
        event.preventDefault();
        write.mutate(next);
      }}
    >
      <Stack gap="sm">
        <TagsInput
          size="xs"
          label="One notification for alerts alike in"
          description="Labels. Without any, all that a channel is told goes into one."
          data={[...known.keys()]}
          readOnly={!writer}
          value={groups}
          onChange={setGroups}
          acceptValueOnBlur
        />
        <div className={classes.fields}>
          {TIMES.map(({ field, label, description }) => (
            <NumberInput
              key={field}
              size="xs"
              label={label}
              description={`${description} ${times[field] >= 60 ? saySpan(times[field]) : ""}`.trim()}
              suffix=" s"
              min={0}
              allowDecimal={false}
              readOnly={!writer}
              value={times[field]}
              onChange={(value) => setTimes({ ...times, [field]: Number(value) || 0 })}
            />
          ))}
        </div>
        {write.error && <Failure error={write.error} />}
        {writer && (
          <Group justify="flex-end">
            <Button size="xs" type="submit" loading={write.isPending} disabled={!changed}>
              Save
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

function Inhibitions({ policy }: { policy: AlertPolicy }) {
  const { may } = useSignedIn();
  const writer = may("alerts:write");
  const write = usePolicyWrite();
  const [adding, setAdding] = useState(false);
  const rules = policy.inhibitions ?? [];
  const save = (inhibitions: Inhibition[]) => write.mutateAsync({ ...policy, inhibitions });
  return (
    <>
      <div className={classes.bar}>
        <p className={classes.lead}>
          While one alert fires, others can be held back: what follows from it needs no notification.
        </p>
        {writer && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setAdding(true)}>
            Add an inhibition
          </Button>
        )}
      </div>
      {write.error && !adding && <Failure error={write.error} />}
      {rules.length === 0 ? (
        <div className="card">
          <Empty title="No alert holds another back." icon="alerts" />
        </div>
      ) : (
        <ul className={`card ${classes.list}`} aria-label="Inhibitions">
          {rules.map((one, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a rule is known by its place only.
            <li key={at}>
              <span className="dim">while</span>
              <div>
                <code>{writeMatchers(one.source)}</code> fires, <code>{writeMatchers(one.target)}</code> is
                not told
                {one.equal && one.equal.length > 0 && (
                  <div className={classes.said}>where both have the same {one.equal.join(", ")}</div>
                )}
              </div>
              {writer && (
                <div className={classes.aside}>
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={`Remove inhibition ${at + 1}`}
                    onClick={() => void save(rules.filter((_, index) => index !== at)).catch(() => undefined)}
                  >
                    Remove
                  </Button>
                </div>
              )}
            </li>
          ))}
        </ul>
      )}
      {adding && (
        <InhibitionDialog
          error={write.error}
          saving={write.isPending}
          onSave={(made) =>
            void save([...rules, made]).then(
              () => setAdding(false),
              () => undefined,
            )
          }
          onClose={() => {
            setAdding(false);
            write.reset();
          }}
        />
      )}
    </>
  );
}
