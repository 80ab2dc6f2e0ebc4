import { Button, Group, Modal, NativeSelect, Stack, Textarea } from "@mantine/core";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { nowMicroseconds } from "@/lib/clock";
import { useSilenceWrites } from "./queries";
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
  /** Of the alert that is silenced; without them, what is silenced is written by hand. */
  labels?: Record<string, string>;
  onClose: () => void;
}

export function SilenceDialog({ labels, onClose }: SilenceDialogProps) {
  const { add } = useSilenceWrites();
  const [text, setText] = useState(writeMatchers(matchersOf(labels ?? {})));
  const [comment, setComment] = useState("");
  const [hours, setHours] = useState("4");
  const matchers = readMatchers(text);
  const save = () =>
    matchers &&
    add.mutate(
      { matchers, comment: comment.trim(), ends: nowMicroseconds() + Number(hours) * HOUR },
      { onSuccess: onClose },
    );
  return (
    <Modal opened onClose={onClose} title="Silence alerts" size="sm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Stack gap="sm">
          <Textarea
            size="xs"
            label="Alerts whose labels match"
            description="One a line, all must hold: name=value, name!=value, name=~expression."
            autosize
            minRows={2}
            value={text}
            error={matchers === null ? "Expected lines such as alert=Slow calls." : undefined}
            onChange={(event) => setText(event.currentTarget.value)}
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
            data-autofocus
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
          {add.error && <Failure error={add.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button size="xs" type="submit" loading={add.isPending} disabled={!matchers || !comment.trim()}>
              Silence
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function matchersOf(labels: Record<string, string>): Matcher[] {
  return Object.entries(labels)
    .filter(([label]) => label !== "severity")
    .map(([label, value]) => ({ label, op: "=" as const, value }));
}

export function writeMatchers(matchers: readonly Matcher[]): string {
  return matchers.map(({ label, op, value }) => `${label}${op}${value}`).join("\n");
}

/** Null when a line is none, or there is no line. */
export function readMatchers(text: string): Matcher[] | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const found = lines.map((line) => /^\s*([\w.-]+)\s*(=~|!~|!=|=)\s*(.*?)\s*$/.exec(line));
  if (lines.length === 0 || found.includes(null)) return null;
  return found.map((match) => ({
    label: match?.[1] ?? "",
    op: (match?.[2] ?? "=") as Matcher["op"],
    value: match?.[3] ?? "",
  }));
}
