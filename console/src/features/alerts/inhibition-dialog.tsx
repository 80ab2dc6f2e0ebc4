import { Button, Group, Modal, Stack, TagsInput } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { MatcherFields, NO_MATCHER, namedMatchers } from "@/components/matcher-fields";
import { useKnownLabels } from "./queries";
import type { Inhibition, Matcher } from "./types";

interface InhibitionDialogProps {
  error: unknown;
  saving: boolean;
  onSave: (made: Inhibition) => void;
  onClose: () => void;
}

export function InhibitionDialog({ error, saving, onSave, onClose }: InhibitionDialogProps) {
  const known = useKnownLabels();
  const [source, setSource] = useState<Matcher[]>([NO_MATCHER]);
  const [target, setTarget] = useState<Matcher[]>([NO_MATCHER]);
  const [equal, setEqual] = useState<string[]>([]);
  const made = { source: namedMatchers(source), target: namedMatchers(target), equal };
  return (
    <Modal opened onClose={onClose} title="Add an inhibition" size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSave(made);
        }}
      >
        <Stack gap="md">
          <MatcherFields
            legend="While an alert fires whose labels match"
            value={source}
            onChange={setSource}
            known={known}
          />
          <MatcherFields
            legend="nobody is told of those whose labels match"
            value={target}
            onChange={setTarget}
            known={known}
          />
          <TagsInput
            size="xs"
            label="Where both have the same"
            description="Labels; empty for any."
            data={[...known.keys()]}
            value={equal}
            onChange={setEqual}
            acceptValueOnBlur
          />
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              type="submit"
              loading={saving}
              disabled={made.source.length === 0 || made.target.length === 0}
            >
              Add
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
