import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { useSaveVersion } from "@/lib/artifact-writes";
import { ARTIFACT_NAME, useArtifact } from "@/lib/artifacts";
import { compactBody, type PromptBody } from "@/lib/prompt-body";
import type { Origin, Variant } from "./draft";

interface SaveDialogProps {
  variant: Variant;
  onSaved: (origin: Origin) => void;
  onClose: () => void;
}

/** Keeps a draft: as the next version of its prompt, of another one, or as a new prompt. */
export function SaveDialog({ variant, onSaved, onClose }: SaveDialogProps) {
  const save = useSaveVersion("prompt");
  const [name, setName] = useState(variant.origin?.name ?? "");
  const [message, setMessage] = useState("");
  const valid = ARTIFACT_NAME.test(name);
  const { data: there } = useArtifact({ kind: "prompt", name }, valid);
  const submit = (event: React.FormEvent) => {
    event.preventDefault();
    const version = {
      body: compactBody(variant.body),
      branch: "main",
      message: message.trim(),
      expected: null,
      create: true,
    };
    save.mutate(
      { name, version },
      {
        onSuccess: (saved) => {
          onSaved({ name: saved.name, version: saved.number, body: saved.body as PromptBody });
          onClose();
        },
      },
    );
  };
  return (
    <Modal opened onClose={onClose} title="Save as a version" size="sm">
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            size="xs"
            label="Prompt"
            placeholder="support/answer"
            required
            data-autofocus
            maxLength={128}
            value={name}
            error={name && !valid ? "Small letters, digits and . _ - /" : undefined}
            onChange={(event) => setName(event.currentTarget.value.trim())}
          />
          {valid && (
            <Text fz="sm" className="dim">
              {there
                ? `It becomes version ${there.versions + 1} of ${name}, unless its newest says the same. Labels stay where they are.`
                : `${name} is new: this is its first version.`}
            </Text>
          )}
          <TextInput
            size="xs"
            label="Message"
            placeholder="What changes, for the history"
            maxLength={500}
            value={message}
            onChange={(event) => setMessage(event.currentTarget.value)}
          />
          {save.error && <Failure error={save.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button size="xs" type="submit" disabled={!valid} loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
