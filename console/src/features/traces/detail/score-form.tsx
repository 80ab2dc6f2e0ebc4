import { ActionIcon, Autocomplete, Button, Group, Radio, Stack, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, bodyOf } from "@/api/client";
import { Icon } from "@/components/icons";
import { readScore } from "@/lib/scores";
import { useSignedIn } from "@/lib/session";
import detail from "./detail.module.css";
import classes from "./scores.module.css";

/** What a team usually judges by hand; any other name is taken. */
const NAMES = ["helpful", "correct", "grounded", "safe"];

/** When a score is looked for, milliseconds after it was saved. */
const LOOKS = [1_200, 3_000, 6_000, 12_000];

/** A judgement by the person who looks: yes or no with one click, or a number or a word. */
export function ScoreForm({ traceId, spanId }: { traceId: string; spanId: string }) {
  const { project } = useSignedIn();
  const client = useQueryClient();
  const [name, setName] = useState("helpful");
  const [text, setText] = useState("");
  const [comment, setComment] = useState("");
  const [of, setOf] = useState<"span" | "trace">("trace");
  const add = useMutation({
    mutationFn: async (value: boolean | number | string) => {
      const body = {
        name: name.trim(),
        value,
        trace_id: traceId,
        span_id: of === "span" ? spanId : undefined,
        comment: comment.trim() || undefined,
        source: "person" as const,
      };
      const params = { query: { project: project.id } };
      const answer = bodyOf(await api.POST("/api/v1/scores", { params, body }));
      const refused = answer.items.find((one) => !one.accepted);
      if (refused) throw new Error(refused.reason ?? "The score was not accepted.");
    },
    onSuccess: () => {
      setText("");
      setComment("");
      // Scores reach the store with the next ingestion: a moment later, or some where much waits to be stored.
      for (const wait of LOOKS) {
        window.setTimeout(
          () => void client.invalidateQueries({ queryKey: ["scores", project.id, traceId] }),
          wait,
        );
      }
    },
  });
  const typed = readScore(text);
  const ready = name.trim() !== "" && !add.isPending;
  return (
    <form
      className={classes.scoreForm}
      aria-label="Add a score"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && typed !== null) add.mutate(typed);
      }}
    >
      <h3 className={detail.section}>Add a score</h3>
      <Stack gap={8}>
        <Group gap={8} align="end">
          <Autocomplete size="xs" label="Name" data={NAMES} value={name} onChange={setName} w={150} />
          <ActionIcon.Group>
            <ActionIcon
              variant="default"
              size={30}
              aria-label="Yes"
              disabled={!ready}
              onClick={() => add.mutate(true)}
            >
              <Icon name="thumb-up" size={14} />
            </ActionIcon>
            <ActionIcon
              variant="default"
              size={30}
              aria-label="No"
              disabled={!ready}
              onClick={() => add.mutate(false)}
            >
              <Icon name="thumb-down" size={14} />
            </ActionIcon>
          </ActionIcon.Group>
          <TextInput
            size="xs"
            label="or a value"
            placeholder="0.8, off topic"
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            w={150}
          />
          <Button size="xs" type="submit" variant="default" disabled={!ready || typed === null}>
            Add
          </Button>
        </Group>
        <Textarea
          size="xs"
          aria-label="Comment"
          placeholder="Comment (optional)"
          autosize
          maxRows={6}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        <Radio.Group value={of} onChange={(value) => setOf(value as "span" | "trace")} aria-label="Of">
          <Group gap={14}>
            <Radio size="xs" value="trace" label="of the trace" />
            <Radio size="xs" value="span" label="of this span" />
          </Group>
        </Radio.Group>
        {add.isPending && <span className="dim">Saving…</span>}
        {add.isSuccess && <span className="good">Saved. It appears in a moment.</span>}
        {add.error && <span className="bad">{add.error.message}</span>}
      </Stack>
    </form>
  );
}
