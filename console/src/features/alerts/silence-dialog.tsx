import { Button, Group, Modal, NativeSelect, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { MatcherFields, NO_MATCHER, namedMatchers } from "@/components/matcher-fields";
import { nowMicroseconds } from "@/lib/clock";
import { useKnownLabels, useSilenceWrites } from "./queries";
import type { Matcher } from "./types";

const LENGTHS = [
  { value: "1", label: "1 hour" },
  { value: "4", label: "4 hours" },
  { value: "24", label: "1 day" },
  { value: "72", label: "3 days" },
  { value: "168", label: "1 week" },
];
const HOUR = 3_600_000_000;

interface SilenceDialogProps {
  /** Of the alert that is silenced; without them, what is silenced is chosen by hand. */
  labels?: Record<string, string>;
  onClose: () => void;
}

export function SilenceDialog({ labels, onClose }: SilenceDialogProps) {
  const { add } = useSilenceWrites();
  const known = useKnownLabels();
  const [matchers, setMatchers] = useState<Matcher[]>(labels ? matchersOf(labels) : [NO_MATCHER]);
  const [comment, setComment] = useState("");
  const [hours, setHours] = useState("4");
  const named = namedMatchers(matchers);
  const save = () =>
    add.mutate(
      { matchers: named, comment: comment.trim(), ends: nowMicroseconds() + Number(hours) * HOUR },
      { onSuccess: onClose },
    );
  return (
    <Modal opened onClose={onClose} title="Silence alerts" size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Stack gap="sm">
          <MatcherFields
            legend="Alerts whose labels match"
            description="All must hold. The rule's name is the label alert."
            value={matchers}
            onChange={setMatchers}
            known={known}
          />
          <NativeSelect
            size="xs"
            label="For"
            data={LENGTHS}
            value={hours}
            onChange={(event) => setHours(event.currentTarget.value)}
          />
          <Textarea
            size="xs"
            label="Why"
            required
            data-autofocus={labels ? true : undefined}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          {add.error && <Failure error={add.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              type="submit"
              loading={add.isPending}
              disabled={named.length === 0 || !comment.trim()}
            >
              Silence
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

export function matchersOf(labels: Record<string, string>): Matcher[] {
  return Object.entries(labels)
    .filter(([label]) => label !== "severity")
    .map(([label, value]) => ({ label, op: "=" as const, value }));
}

export function writeMatchers(matchers: readonly Matcher[]): string {
  return matchers.map(({ label, op, value }) => `${label}${op}${value}`).join(", ");
}
