import { ActionIcon, Button, Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { QueryField } from "@/components/query-field/query-field";
import { download, fileName } from "@/lib/download";
import { useSignedIn } from "@/lib/session";
import { useDashboardWrites } from "../queries";
import type { Dashboard } from "../types";
import classes from "./grid.module.css";

interface ToolbarProps {
  dashboard: Dashboard;
  q: string | undefined;
  editing: boolean;
  onFilter: (q: string | undefined) => void;
  onEdit: () => void;
  onExport: (format: "png" | "csv") => void;
}

export function Toolbar({ dashboard, q, editing, onFilter, onEdit, onExport }: ToolbarProps) {
  const navigate = useNavigate();
  const { may } = useSignedIn();
  const { duplicate, reset, remove } = useDashboardWrites();
  const [asking, setAsking] = useState<"delete" | "reset" | null>(null);
  const writer = may("dashboards:write");
  const { name } = dashboard.document;
  const asJson = () =>
    download(
      `${fileName(name)}.json`,
      `${JSON.stringify(dashboard.document, null, 2)}\n`,
      "application/json",
    );
  const copy = () =>
    duplicate.mutate(dashboard.id, {
      onSuccess: (made) =>
        void navigate({ to: "/dashboards/$dashboard", params: { dashboard: made.id }, search: {} }),
    });
  const failed = duplicate.error ?? reset.error ?? remove.error;
  return (
    <>
      <div className={classes.bar}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          mt={1}
          leftSection={<Icon name="back" size={14} />}
          onClick={() => void navigate({ to: "/dashboards", search: {} })}
        >
          Dashboards
        </Button>
        <h2 className={classes.name}>{name}</h2>
        <div className={classes.filter}>
          <QueryField
            label="Filter of the dashboard"
            placeholder="Filter every widget: model:gpt* route:support"
            value={q}
            onChange={onFilter}
            pageSearch
          />
        </div>
        {writer && !editing && (
          <Button size="xs" variant="default" onClick={onEdit}>
            Edit
          </Button>
        )}
        <Menu position="bottom-end" width={210}>
          <Menu.Target>
            <ActionIcon variant="default" size={30} aria-label="More of this dashboard">
              <Icon name="menu" size={14} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => onExport("png")}>Picture (PNG)</Menu.Item>
            <Menu.Item onClick={() => onExport("csv")}>Numbers (CSV)</Menu.Item>
            <Menu.Item onClick={asJson}>Definition (JSON)</Menu.Item>
            {writer && (
              <>
                <Menu.Divider />
                <Menu.Item onClick={copy}>Duplicate</Menu.Item>
                {dashboard.preset && (
                  <Menu.Item onClick={() => setAsking("reset")}>As it was at first…</Menu.Item>
                )}
                <Menu.Item color="red" onClick={() => setAsking("delete")}>
                  Delete…
                </Menu.Item>
              </>
            )}
          </Menu.Dropdown>
        </Menu>
      </div>
      {failed && <Failure error={failed} />}
      {asking === "delete" && (
        <ConfirmDialog
          title={`Delete ${name}?`}
          text="It is gone for everyone in the project."
          action="Delete"
          loading={remove.isPending}
          onClose={() => setAsking(null)}
          onConfirm={() =>
            remove.mutate(dashboard.id, { onSuccess: () => void navigate({ to: "/dashboards", search: {} }) })
          }
        />
      )}
      {asking === "reset" && (
        <ConfirmDialog
          title="Put it back?"
          text="What was changed of this dashboard is lost."
          action="Put it back"
          loading={reset.isPending}
          onClose={() => setAsking(null)}
          onConfirm={() => reset.mutate(dashboard.id, { onSuccess: () => setAsking(null) })}
        />
      )}
    </>
  );
}
