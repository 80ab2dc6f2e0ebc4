import { Button, Group, Modal, PasswordInput, Stack, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Secret } from "@/api/types";
import { Failure } from "@/components/failure";
import { useSecretWrites } from "./queries";

interface SecretDialogProps {
  /** Whose value is replaced; null for a new one. */
  secret: Secret | null;
  onClose: () => void;
}

/** A value is sealed when it is saved, and nobody is shown it again. */
export function SecretDialog({ secret, onClose }: SecretDialogProps) {
  const { set } = useSecretWrites();
  const [name, setName] = useState(secret?.name ?? "");
  const [value, setValue] = useState("");
  const [origins, setOrigins] = useState<string[]>(secret?.origins ?? []);
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const body = { name: name.trim(), value, origins: origins.length ? origins : null };
    set.mutate(body, { onSuccess: onClose });
  };
  return (
    <Modal opened onClose={onClose} title={secret ? `Replace ${secret.name}` : "Add a secret"} size="md">
      <form onSubmit={submit}>
        <Stack gap="sm">
          {!secret && (
            <TextInput
              size="xs"
              label="Name"
              description="Configuration refers to it as secret:NAME."
              placeholder="openai"
              required
              data-autofocus
              maxLength={64}
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
          <PasswordInput
            size="xs"
            label="Value"
            description="Sealed at once, and shown to nobody again. Calls take the new value within seconds."
            required
            autoComplete="off"
            data-autofocus={secret ? true : undefined}
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          <TagsInput
            size="xs"
            label="May be sent to"
            description="Scheme, host and port count. Empty: the address of the first provider that uses it."
            placeholder={origins.length ? undefined : "https://api.openai.com"}
            value={origins}
            onChange={setOrigins}
            acceptValueOnBlur
          />
          {set.error && <Failure error={set.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button size="xs" type="submit" loading={set.isPending} disabled={!name.trim() || !value}>
              {secret ? "Replace" : "Add"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
