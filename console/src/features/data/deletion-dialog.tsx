import { Button, Group, Modal, NativeSelect, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { Failure } from "@/components/failure";
import { nowMicroseconds } from "@/lib/clock";
import { formatCount } from "@/lib/format";
import { termOf } from "@/lib/query-text";
import { fromLocalInput, toLocalInput } from "@/lib/time-range";
import { type DeletionRequest, useDeletionStart, useTraceCount } from "./queries";

const KINDS = [
  { value: "session", label: "A session" },
  { value: "user", label: "A user" },
  { value: "traces", label: "A trace" },
  { value: "q", label: "What a search finds" },
  { value: "before", label: "Everything older than" },
] as const;
type Kind = (typeof KINDS)[number]["value"];

const LABELS: Record<Kind, string> = {
  session: "Session",
  user: "User",
  traces: "Trace id",
  q: "Search, in the filter language",
  before: "Time",
};
const WORD = "delete";
const DAY = 86_400_000_000;
const MONTH = 30 * DAY;

/** What is to go, how much that is, and a word typed before it begins. */
export function DeletionDialog({ onClose }: { onClose: () => void }) {
  const [kind, setKind] = useState<Kind>("session");
  const [text, setText] = useState("");
  const [typed, setTyped] = useState("");
  const [settled] = useDebouncedValue(text.trim(), 400);
  const start = useDeletionStart();
  const request = requestOf(kind, settled);
  const count = useTraceCount(
    request && kind !== "before" ? searchOf(kind, settled) : null,
    request?.before ?? null,
  );
  const ready = request !== null && settled === text.trim() && count.data !== undefined;
  const choose = (next: Kind) => {
    setKind(next);
    setText(next === "before" ? toLocalInput(nowMicroseconds() - MONTH) : "");
    setTyped("");
  };
  return (
    <Modal opened onClose={onClose} title="Delete data" size="md">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (ready && typed === WORD) start.mutate(request, { onSuccess: onClose });
        }}
      >
        <Stack gap="sm">
          <NativeSelect
            size="xs"
            label="What"
            data={KINDS.map(({ value, label }) => ({ value, label }))}
            value={kind}
            onChange={(event) => choose(event.currentTarget.value as Kind)}
          />
          <TextInput
            size="xs"
            label={LABELS[kind]}
            data-autofocus
            type={kind === "before" ? "datetime-local" : "text"}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setTyped("");
            }}
          />
          {request && count.error && <Failure error={count.error} />}
          <Text fz="sm" aria-live="polite">
            {request && count.data !== undefined
              ? `${formatCount(count.data)} ${kind === "before" ? "spans" : "traces"} are found. They are deleted for good, with their scores and texts, and with what still waits to be stored.`
              : "How many are found is shown here."}
          </Text>
          <TextInput
            size="xs"
            label={`Type ${WORD} to confirm`}
            disabled={!ready}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value.trim().toLowerCase())}
          />
          {start.error && <Failure error={start.error} />}
          <Group justify="flex-end" gap="xs">
            <Button size="xs" variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              size="xs"
              color="red"
              type="submit"
              loading={start.isPending}
              disabled={!ready || typed !== WORD}
            >
              Delete
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

/** What the API is asked to delete; null while it is not said. */
export function requestOf(kind: Kind, text: string): DeletionRequest | null {
  if (!text) return null;
  if (kind === "traces") return { traces: [text] };
  if (kind === "before") {
    const before = fromLocalInput(text);
    return before === null ? null : { before };
  }
  return { [kind]: text };
}

function searchOf(kind: Kind, text: string): string {
  if (kind === "q") return text;
  return termOf(kind === "traces" ? "trace_id" : kind, text);
}
