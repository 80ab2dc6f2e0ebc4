import { Button, Group, Modal, NativeSelect, Stack, Textarea, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { useSignedIn } from "@/lib/session";
import { useIncidentWrites } from "./queries";
import { type IncidentSeverity, SEVERITIES } from "./types";

export function OpenDialog({ onClose }: { onClose: () => void }) {
  const { session } = useSignedIn();
  const { open } = useIncidentWrites();
  const navigate = useNavigate();
  const [title, setTitle] = useState("");
  const [severity, setSeverity] = useState<IncidentSeverity>("sev3");
  const [owner, setOwner] = useState(session.user?.name ?? "");
  const [summary, setSummary] = useState("");
  const [steps, setSteps] = useState("");
  const save = () =>
    open.mutate(
      {
        title: title.trim(),
        severity,
        owner: owner.trim() || null,
        summary: summary.trim(),
        steps: steps
          .split("\n")
          .map((step) => step.trim())
          .filter(Boolean),
      },
      {
        onSuccess: (made) =>
          void navigate({ to: "/incidents/$incident", params: { incident: made.id }, search: {} }),
      },
    );
  return (
    <Modal opened onClose={onClose} title="Open an incident" size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Stack gap="sm">
          <TextInput
            size="xs"
            label="What is wrong"
            required
            data-autofocus
            maxLength={200}
            value={title}
            onChange={(event) => setTitle(event.currentTarget.value)}
          />
          <Group grow>
            <NativeSelect
              size="xs"
              label="Severity"
              data={SEVERITIES}
              value={severity}
              onChange={(event) => setSeverity(event.currentTarget.value as IncidentSeverity)}
            />
            <TextInput
              size="xs"
              label="Owner"
              value={owner}
              onChange={(event) => setOwner(event.currentTarget.value)}
            />
          </Group>
          <Textarea
            size="xs"
            label="Summary"
            autosize
            minRows={2}
            value={summary}
            onChange={(event) => setSummary(event.currentTarget.value)}
          />
          <Textarea
            size="xs"
            label="Steps to tick off"
            description="One a line."
            autosize
            minRows={2}
            value={steps}
            onChange={(event) => setSteps(event.currentTarget.value)}
          />
          {open.error && <Failure error={open.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button size="xs" type="submit" loading={open.isPending} disabled={!title.trim()}>
              Open
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
