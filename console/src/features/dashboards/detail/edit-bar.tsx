import { Button, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { ApiProblem } from "@/api/problem";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useDashboardWrites } from "../queries";
import type { Dashboard, DashboardDocument } from "../types";
import classes from "./grid.module.css";

interface EditBarProps {
  dashboard: Dashboard;
  draft: DashboardDocument;
  changed: boolean;
  onChange: (draft: DashboardDocument) => void;
  onAdd: () => void;
  onDone: () => void;
}

export function EditBar({ dashboard, draft, changed, onChange, onAdd, onDone }: EditBarProps) {
  const { save } = useDashboardWrites();
  const client = useQueryClient();
  const write = (version: string) =>
    save.mutate({ id: dashboard.id, version, document: draft }, { onSuccess: onDone });
  const conflict = save.error instanceof ApiProblem && save.error.status === 412;
  return (
    <>
      <div className={classes.bar}>
        <TextInput
          size="xs"
          aria-label="Name"
          placeholder="Name"
          value={draft.name}
          onChange={(event) => onChange({ ...draft, name: event.currentTarget.value })}
        />
        <TextInput
          size="xs"
          aria-label="Description"
          placeholder="What it is for"
          className={classes.filter}
          value={draft.description ?? ""}
          onChange={(event) => onChange({ ...draft, description: event.currentTarget.value })}
        />
        <Button size="xs" variant="default" leftSection={<Icon name="plus" size={13} />} onClick={onAdd}>
          Add a widget
        </Button>
        <Button size="xs" variant="default" onClick={onDone}>
          Cancel
        </Button>
        <Button
          size="xs"
          loading={save.isPending}
          disabled={!changed || !draft.name.trim()}
          onClick={() => write(String(dashboard.version))}
        >
          Save
        </Button>
      </div>
      {conflict && (
        <div className={classes.notice} role="alert">
          <p>
            <b>Somebody else saved this dashboard while you were changing it.</b> Take theirs and lose your
            changes, or put yours in its place.
          </p>
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              void client.invalidateQueries({ queryKey: ["dashboards"] });
              onDone();
            }}
          >
            Take theirs
          </Button>
          <Button size="xs" color="red" onClick={() => write("*")}>
            Replace with mine
          </Button>
        </div>
      )}
      {save.error && !conflict && <Failure error={save.error} />}
    </>
  );
}
