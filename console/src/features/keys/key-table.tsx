import { ActionIcon, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { KeyRow } from "@/api/types";
import { Icon } from "@/components/icons";
import { StatusMark } from "@/components/status";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo, formatTime } from "@/lib/format";
import classes from "./keys.module.css";

/** Scopes and models named in a row. */
const SHOWN = 3;

interface KeyTableProps {
  keys: readonly KeyRow[];
  mayWrite: boolean;
  onRotate: (key: KeyRow) => void;
  onRevoke: (key: KeyRow) => void;
}

export function KeyTable({ keys, mayWrite, onRotate, onRevoke }: KeyTableProps) {
  return (
    <div className="card">
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Status</th>
            <th scope="col">Starts with</th>
            <th scope="col">May</th>
            <th scope="col">Models</th>
            <th scope="col">Last used</th>
            <th scope="col">Expires</th>
            <th scope="col">Created</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id} data-status={key.status}>
              <td data-label="Name">
                <Link to="/traces" search={{ filter: [`key:eq:${key.id}`] }} title="Calls with this key">
                  {key.name}
                </Link>
              </td>
              <td data-label="Status">
                <StatusMark status={key.status} />
              </td>
              <td data-label="Starts with">
                <span className="mono">{key.prefix}…</span>
              </td>
              <td data-label="May">
                <Few values={key.scopes} />
              </td>
              <td data-label="Models">
                {key.models.length ? <Few values={key.models} /> : <span className="faint">all</span>}
              </td>
              <td data-label="Last used">
                <When at={key.last_used} never="never" />
              </td>
              <td data-label="Expires">
                <When at={key.expires} never="never" />
              </td>
              <td data-label="Created">
                <When at={key.created} never="" /> <span className="faint">by {key.created_by}</span>
              </td>
              <td className={classes.actions}>
                {mayWrite && key.status !== "revoked" && (
                  <>
                    <Action icon="rotate" label={`Rotate ${key.name}`} onClick={() => onRotate(key)} />
                    <Action icon="trash" label={`Revoke ${key.name}`} onClick={() => onRevoke(key)} />
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Action({ icon, label, onClick }: { icon: "rotate" | "trash"; label: string; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" aria-label={label} onClick={onClick}>
        <Icon name={icon} size={15} />
      </ActionIcon>
    </Tooltip>
  );
}

function When({ at, never }: { at: number | null | undefined; never: string }) {
  if (at === null || at === undefined) return <span className="faint">{never}</span>;
  return <time title={formatTime(at)}>{formatAgo(at, nowMicroseconds())}</time>;
}

/** The first of a list, and how many more; all of it in the tooltip. */
function Few({ values }: { values: readonly string[] }) {
  const rest = values.length - SHOWN;
  return (
    <span title={values.join("\n")}>
      {values.slice(0, SHOWN).join(", ")}
      {rest > 0 && <span className="faint"> +{rest} more</span>}
    </span>
  );
}
