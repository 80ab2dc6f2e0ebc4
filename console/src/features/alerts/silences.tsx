import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { useSilences, useSilenceWrites } from "./queries";
import { SilenceDialog, writeMatchers } from "./silence-dialog";

export function Silences() {
  const { data, error, refetch } = useSilences();
  const { end } = useSilenceWrites();
  const { may } = useSignedIn();
  const [adding, setAdding] = useState(false);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={160} role="status" aria-label="Loading" />;
  const writer = may("alerts:write");
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>Of a silenced alert nobody is told. Its states and history go on.</p>
        {writer && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setAdding(true)}>
            Add a silence
          </Button>
        )}
      </div>
      {end.error && <Failure error={end.error} />}
      {data.length === 0 ? (
        <div className="card">
          <Empty title="Nothing is silenced." icon="alerts" />
        </div>
      ) : (
        <ul className={`card ${classes.list}`} aria-label="Silences">
          {data.map((one) => (
            <li key={one.id}>
              <span className={one.state === "ended" ? "faint" : undefined}>{one.state}</span>
              <div>
                <code>{writeMatchers(one.matchers)}</code>
                <div className={classes.said}>
                  {one.comment} <span className="faint">{one.created_by}</span>
                </div>
              </div>
              <div className={classes.aside}>
                <span>until {formatMinute(one.ends)}</span>
                {writer && one.state !== "ended" && (
                  <Button size="compact-xs" variant="default" onClick={() => end.mutate(one.id)}>
                    End
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      {adding && <SilenceDialog onClose={() => setAdding(false)} />}
    </div>
  );
}
