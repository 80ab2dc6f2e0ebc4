import { ActionIcon, Button } from "@mantine/core";
import { useState } from "react";
import type { Artifact } from "@/api/types";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Icon } from "@/components/icons";
import { JsonView } from "@/components/json-view";
import watch from "@/components/watch.module.css";
import { useSignedIn } from "@/lib/session";
import { useEditRows, useSplits } from "../queries";
import type { StoredRow } from "../types";
import classes from "./detail.module.css";
import { RowForm } from "./row-form";

interface RowPanelProps {
  dataset: Artifact;
  row: StoredRow;
  /** Only the newest version can be edited. */
  newest: boolean;
  onClose: () => void;
}

/** A row in full; saved it makes the next version. */
export function RowPanel({ dataset, row, newest, onClose }: RowPanelProps) {
  const { may } = useSignedIn();
  const edit = useEditRows();
  const [deleting, setDeleting] = useState(false);
  const writer = may("datasets:write") && newest && dataset.archived === null;
  const { name, digest: expected } = dataset;
  const splits = useSplits(name, "latest");
  const shares = splits.data?.splits?.shares ?? {};
  // What the shares decide is decided again, the same; what a row says itself is said again.
  const own = row.split && !(row.split in shares) ? row.split : null;
  return (
    <section className={`card ${classes.panel}`} aria-label={`Row ${row.id}`}>
      <div className="card-head">
        <span className="cut" title={row.id}>
          {row.id}
        </span>
        {row.split && <span className="dim">{row.split}</span>}
        <span className={watch.push} />
        <ActionIcon variant="subtle" color="gray" aria-label="Close the row" onClick={onClose}>
          <Icon name="close" size={14} />
        </ActionIcon>
      </div>
      <div className={classes.panelBody}>
        {writer ? (
          <RowForm
            row={row}
            error={edit.error}
            loading={edit.isPending}
            missing={splits.data ? null : "Reading how rows are divided…"}
            action="Save as a new version"
            onSave={(put) =>
              edit.mutate({
                dataset: name,
                put: [{ ...put, split: own }],
                message: `Change the row ${row.id}`,
                expected,
              })
            }
            others={
              <Button size="xs" variant="default" onClick={() => setDeleting(true)}>
                Delete
              </Button>
            }
          />
        ) : (
          <ReadOnly row={row} why={newest ? null : "Only rows of the newest version can be changed."} />
        )}
      </div>
      {deleting && (
        <ConfirmDialog
          title="Delete this row?"
          text="The next version goes without it. Versions before keep it."
          action="Delete"
          loading={edit.isPending}
          onClose={() => setDeleting(false)}
          onConfirm={() =>
            edit.mutate(
              { dataset: name, remove: [row.id], message: `Delete the row ${row.id}`, expected },
              { onSuccess: onClose, onSettled: () => setDeleting(false) },
            )
          }
        />
      )}
    </section>
  );
}

function ReadOnly({ row, why }: { row: StoredRow; why: string | null }) {
  const parts: [string, unknown][] = [
    ["Input", row.input],
    ["Reference", row.reference],
    ["Context", row.context?.length ? row.context : null],
    ["Metadata", row.metadata],
    ["Group", row.group],
  ];
  return (
    <>
      {why && <p className="dim">{why}</p>}
      {parts
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([label, value]) => (
          <div key={label}>
            <h3 className={classes.label}>{label}</h3>
            <JsonView value={value} label={label.toLowerCase()} />
          </div>
        ))}
    </>
  );
}
