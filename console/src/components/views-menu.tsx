/** Searches that a person kept, for themselves or for all of the project. */

import { ActionIcon, Button, Checkbox, Group, Menu, Modal, Stack, TextInput, Tooltip } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useSignedIn } from "@/lib/session";
import { type SavedView, useViews, useViewWrites, type ViewDocument } from "@/lib/views";
import classes from "./views-menu.module.css";

interface ViewsMenuProps {
  page: ViewDocument["page"];
  /** What is looked at now, to be kept. */
  current: Omit<ViewDocument, "name" | "page" | "shared">;
  onApply: (view: ViewDocument) => void;
}

export function ViewsMenu({ page, current, onApply }: ViewsMenuProps) {
  const { data } = useViews(page);
  const [saving, setSaving] = useState(false);
  const [editing, setEditing] = useState<SavedView | null>(null);
  const views = data ?? [];
  const groups = [
    { label: "Mine", views: views.filter((view) => view.mine) },
    { label: "Shared by others", views: views.filter((view) => !view.mine) },
  ];
  return (
    <>
      <Menu position="bottom-end" width={270}>
        <Menu.Target>
          <Tooltip label="Saved views">
            <ActionIcon variant="default" size={30} aria-label="Saved views">
              <Icon name="bookmark" size={14} />
            </ActionIcon>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown>
          {views.length === 0 && (
            <Menu.Label>None yet. Keep a filter with its columns and order under a name.</Menu.Label>
          )}
          {groups.map(
            (group) =>
              group.views.length > 0 && (
                <div key={group.label}>
                  <Menu.Label>{group.label}</Menu.Label>
                  {group.views.map((view) => (
                    <div key={view.id} className={classes.line}>
                      <Menu.Item
                        className={classes.view}
                        py={4}
                        title={view.document.q}
                        onClick={() => onApply(view.document)}
                      >
                        {view.document.name}
                        {view.mine && view.document.shared && <span className="faint"> shared</span>}
                      </Menu.Item>
                      {view.mine && (
                        <ActionIcon
                          variant="subtle"
                          color="gray"
                          size="sm"
                          aria-label={`Change ${view.document.name}`}
                          onClick={() => setEditing(view)}
                        >
                          <Icon name="tool" size={13} />
                        </ActionIcon>
                      )}
                    </div>
                  ))}
                </div>
              ),
          )}
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="plus" size={13} />} onClick={() => setSaving(true)}>
            Save this view…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {saving && (
        <ViewDialog
          document={{ ...current, name: "", page, shared: false }}
          onClose={() => setSaving(false)}
        />
      )}
      {editing && (
        <ViewDialog
          document={editing.document}
          view={editing}
          current={current}
          onClose={() => setEditing(null)}
        />
      )}
    </>
  );
}

interface ViewDialogProps {
  document: ViewDocument;
  /** The one that is changed; a new one without it. */
  view?: SavedView;
  /** What is looked at now, which may take the place of what was kept. */
  current?: ViewsMenuProps["current"];
  onClose: () => void;
}

function ViewDialog({ document, view, current, onClose }: ViewDialogProps) {
  const { may } = useSignedIn();
  const writes = useViewWrites();
  const [name, setName] = useState(document.name);
  const [shared, setShared] = useState(document.shared ?? false);
  const [renew, setRenew] = useState(false);
  const error = writes.save.error ?? writes.remove.error;
  const save = () =>
    writes.save.mutate(
      { view, document: { ...document, ...(renew ? current : {}), name: name.trim(), shared } },
      { onSuccess: onClose },
    );
  return (
    <Modal opened onClose={onClose} title={view ? "Change the view" : "Save this view"} size="sm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) save();
        }}
      >
        <Stack gap="sm">
          <TextInput
            size="xs"
            label="Name"
            data-autofocus
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          {may("dashboards:write") && (
            <Checkbox
              size="xs"
              label="Shared with everyone in the project"
              checked={shared}
              onChange={(event) => setShared(event.currentTarget.checked)}
            />
          )}
          {current && (
            <Checkbox
              size="xs"
              label="Put what is shown now in its place"
              checked={renew}
              onChange={(event) => setRenew(event.currentTarget.checked)}
            />
          )}
          {error && <Failure error={error} />}
          <Group justify="space-between" gap="xs">
            {view ? (
              <Button
                size="xs"
                variant="subtle"
                color="red"
                loading={writes.remove.isPending}
                onClick={() => writes.remove.mutate(view, { onSuccess: onClose })}
              >
                Delete
              </Button>
            ) : (
              <span />
            )}
            <Button size="xs" type="submit" loading={writes.save.isPending} disabled={!name.trim()}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
