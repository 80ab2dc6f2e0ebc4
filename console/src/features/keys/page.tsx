import { Button, Skeleton } from "@mantine/core";
import { useState } from "react";
import type { KeyRow, KeyWithSecret } from "@/api/types";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useSignedIn } from "@/lib/session";
import { ConfirmDialog } from "./confirm-dialog";
import { CreateDialog } from "./create-dialog";
import { KeyTable } from "./key-table";
import classes from "./keys.module.css";
import { useKeyChanges, useKeyList } from "./queries";
import { SecretDialog } from "./secret-dialog";

type Asked = { what: "rotate" | "revoke"; key: KeyRow };

export function KeysPage() {
  const { data, error, refetch } = useKeyList();
  const { may } = useSignedIn();
  const { rotate, revoke } = useKeyChanges();
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [secret, setSecret] = useState<KeyWithSecret | null>(null);
  const [showRevoked, setShowRevoked] = useState(false);
  const change = asked?.what === "rotate" ? rotate : revoke;
  const mayWrite = may("keys:write");

  const close = () => {
    setAsked(null);
    rotate.reset();
    revoke.reset();
  };
  const confirm = () => {
    if (asked?.what === "revoke") revoke.mutate(asked.key.id, { onSuccess: close });
    if (asked?.what === "rotate")
      rotate.mutate(asked.key.id, {
        onSuccess: (key) => {
          close();
          setSecret(key);
        },
      });
  };
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const usable = data.filter((key) => key.status !== "revoked");
  const shown = showRevoked ? data : usable;
  const create = (
    <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setCreating(true)}>
      Create a key
    </Button>
  );
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Applications call the gateway with these. Only a hash of each is stored.
        </p>
        {data.length > usable.length && (
          <Button variant="subtle" color="gray" size="xs" onClick={() => setShowRevoked(!showRevoked)}>
            {showRevoked ? "Hide revoked" : `Show ${data.length - usable.length} revoked`}
          </Button>
        )}
        {mayWrite && create}
      </div>
      {shown.length === 0 ? (
        <div className="card">
          <Empty title="No keys in this project." icon="keys">
            <p>An application needs one to call the gateway.</p>
            {mayWrite ? create : <p>Your role may not create keys. Ask an admin or an editor.</p>}
          </Empty>
        </div>
      ) : (
        <KeyTable
          keys={shown}
          mayWrite={mayWrite}
          onRotate={(key) => setAsked({ what: "rotate", key })}
          onRevoke={(key) => setAsked({ what: "revoke", key })}
        />
      )}
      <CreateDialog opened={creating} onClose={() => setCreating(false)} onCreated={setSecret} />
      <SecretDialog secret={secret} onClose={() => setSecret(null)} />
      {asked && (
        <ConfirmDialog
          what={asked.what}
          name={asked.key.name}
          busy={change.isPending}
          error={change.error}
          onConfirm={confirm}
          onClose={close}
        />
      )}
    </div>
  );
}
