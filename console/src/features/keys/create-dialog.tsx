import {
  Button,
  Checkbox,
  Group,
  Modal,
  NativeSelect,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import type { KeyWithSecret } from "@/api/types";
import { Failure } from "@/components/failure";
import { nowMicroseconds } from "@/lib/clock";
import { useModelNames } from "@/lib/model-names";
import { useSignedIn } from "@/lib/session";
import { useKeyChanges } from "./queries";

const DEFAULT_SCOPES = ["gateway:call", "gateway:models"];
const LIFETIMES = [
  { value: "", label: "Never" },
  { value: "1", label: "In a day" },
  { value: "7", label: "In 7 days" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];
const SCOPE_LABELS: Record<string, string> = {
  "gateway:call": "call models",
  "gateway:models": "list models",
  "traces:read": "read traces, text included",
  "models:read": "read models and prices",
  "keys:read": "see keys",
  "keys:write": "create and revoke keys",
  "projects:read": "see projects",
  "projects:write": "create projects",
  "users:write": "make sign-in links",
  "config:read": "see the configuration's state",
  "system:read": "see the system's state",
};

interface CreateDialogProps {
  opened: boolean;
  onClose: () => void;
  onCreated: (key: KeyWithSecret) => void;
}

export function CreateDialog({ opened, onClose, onCreated }: CreateDialogProps) {
  return (
    <Modal opened={opened} onClose={onClose} title="Create a key" size="md">
      <CreateForm onClose={onClose} onCreated={onCreated} />
    </Modal>
  );
}

/** Microseconds since the epoch of a lifetime in days; null for none. */
export function expiryOf(days: string, now: number): number | null {
  return days === "" ? null : now + Number(days) * 86_400_000_000;
}

function CreateForm({ onClose, onCreated }: Omit<CreateDialogProps, "opened">) {
  const { session } = useSignedIn();
  const { create } = useKeyChanges();
  const { names } = useModelNames();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState(DEFAULT_SCOPES);
  const [models, setModels] = useState<string[]>([]);
  const [days, setDays] = useState("");
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const key = { name: name.trim(), scopes, models, expires: expiryOf(days, nowMicroseconds()) };
    create.mutate(key, {
      onSuccess: (created) => {
        onClose();
        onCreated(created);
      },
    });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label="Name"
          description="Who or what will use it; shown beside each call."
          placeholder="support-bot"
          data-autofocus
          required
          maxLength={100}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <TagsInput
          label="Models"
          description="Empty allows all. Names as provider/model or an alias; * stands for anything."
          placeholder={models.length ? undefined : "openai/*"}
          data={names}
          value={models}
          onChange={setModels}
          acceptValueOnBlur
        />
        <NativeSelect
          label="Expires"
          data={LIFETIMES}
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
        />
        <Checkbox.Group
          label="May"
          description="At most what you may do yourself."
          value={scopes}
          onChange={setScopes}
        >
          <Stack gap={5} mt={6}>
            {session.permissions.map((scope) => (
              <Checkbox
                key={scope}
                size="xs"
                value={scope}
                label={
                  <>
                    {SCOPE_LABELS[scope] ?? scope}{" "}
                    <Text span c="dimmed" fz="xs" ff="monospace">
                      {scope}
                    </Text>
                  </>
                }
              />
            ))}
          </Stack>
        </Checkbox.Group>
        {create.error && <Failure error={create.error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" size="xs" onClick={onClose}>
            Cancel
          </Button>
          <Button
            size="xs"
            type="submit"
            loading={create.isPending}
            disabled={!name.trim() || scopes.length === 0}
          >
            Create
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
