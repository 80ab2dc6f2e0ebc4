/** Secrets of providers: their names, where each may be sent, who uses it. Never their values. */

import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import type { Secret } from "@/api/types";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { useSecrets, useSecretWrites } from "./queries";
import { SecretDialog } from "./secret-dialog";

type Asked = { what: "add" } | { what: "replace" | "delete"; secret: Secret } | { what: "rotate" };

export function SecretsPage() {
  const { may } = useSignedIn();
  const reader = may("secrets:read");
  const { data, error, refetch } = useSecrets(reader);
  const { remove, rotate } = useSecretWrites();
  const [asked, setAsked] = useState<Asked | null>(null);
  const close = () => setAsked(null);
  if (!reader)
    return (
      <div className="card">
        <Empty title="Your role may not see secrets." icon="secrets">
          <p>Ask an admin. What you call through the gateway works without it.</p>
        </Empty>
      </div>
    );
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={160} role="status" aria-label="Loading" />;
  const writer = may("secrets:write");
  const add = (
    <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setAsked({ what: "add" })}>
      Add a secret
    </Button>
  );
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Keys of providers, stored sealed. Configuration names them as <code>secret:NAME</code>.
        </p>
        {writer && data.length > 0 && (
          <Button size="xs" variant="default" onClick={() => setAsked({ what: "rotate" })}>
            Rotate the master key
          </Button>
        )}
        {writer && data.length > 0 && add}
      </div>
      {(remove.error ?? rotate.error) && <Failure error={remove.error ?? rotate.error} />}
      {rotate.data && (
        <p role="status" className="good">
          {rotate.data.resealed} {rotate.data.resealed === 1 ? "secret is" : "secrets are"} sealed under the
          master key {rotate.data.master_key}.
        </p>
      )}
      {data.length === 0 ? (
        <div className="card">
          <Empty title="No secret is stored." icon="secrets">
            <p>
              Providers may also take theirs from the environment (<code>env:NAME</code>) or a file.
            </p>
            {writer ? add : <p>Your role may not add one. Ask an admin.</p>}
          </Empty>
        </div>
      ) : (
        <ul className={`card ${classes.list}`} aria-label="Secrets">
          {data.map((secret) => (
            <Row
              key={secret.name}
              secret={secret}
              writer={writer}
              onReplace={() => setAsked({ what: "replace", secret })}
              onDelete={() => setAsked({ what: "delete", secret })}
            />
          ))}
        </ul>
      )}
      {asked?.what === "add" && <SecretDialog secret={null} onClose={close} />}
      {asked?.what === "replace" && <SecretDialog secret={asked.secret} onClose={close} />}
      {asked?.what === "delete" && (
        <ConfirmDialog
          title={`Delete ${asked.secret.name}?`}
          text="Its value cannot be brought back."
          action="Delete"
          loading={remove.isPending}
          onClose={close}
          onConfirm={() => remove.mutate(asked.secret.name, { onSettled: close })}
        />
      )}
      {asked?.what === "rotate" && (
        <ConfirmDialog
          title="Rotate the master key?"
          text="All secrets are sealed under a new key. Their values stay the same, and no call fails meanwhile."
          action="Rotate"
          loading={rotate.isPending}
          onClose={close}
          onConfirm={() => rotate.mutate(undefined, { onSettled: close })}
        />
      )}
    </div>
  );
}

interface RowProps {
  secret: Secret;
  writer: boolean;
  onReplace: () => void;
  onDelete: () => void;
}

function Row({ secret, writer, onReplace, onDelete }: RowProps) {
  const used = secret.used_by.length > 0;
  return (
    <li>
      <span className={classes.name}>{secret.name}</span>
      <div>
        <div>
          {used ? `used by ${secret.used_by.join(", ")}` : <span className="faint">used by nobody</span>}
        </div>
        <div className={classes.said}>
          for {secret.origins.join(", ") || "its first provider"}; sealed under {secret.master_key}
        </div>
      </div>
      <div className={classes.aside}>
        <time title={formatTime(secret.updated)}>
          set {formatAgo(secret.updated, nowMicroseconds())} by {secret.updated_by}
        </time>
        {writer && (
          <>
            <Button size="compact-xs" variant="default" onClick={onReplace}>
              Replace
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              disabled={used}
              title={used ? "A provider uses it." : undefined}
              onClick={onDelete}
            >
              Delete
            </Button>
          </>
        )}
      </div>
    </li>
  );
}
