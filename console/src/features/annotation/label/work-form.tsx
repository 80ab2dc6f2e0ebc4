import { Button, Kbd, Textarea } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { ApiProblem, Unreachable } from "@/api/problem";
import { Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { useKeys } from "@/lib/keys";
import { ItemView } from "../item-view";
import { useLabel } from "../queries";
import type { NewLabel, Task } from "../types";
import { answered, beginWith, type Draft, keep, kept, missingIn, optionsOf, stepped, toSend } from "./draft";
import classes from "./label.module.css";
import { QuestionField } from "./question-field";
import { SkipForm } from "./skip-form";
import type { Work } from "./use-work";

interface WorkFormProps {
  queue: string;
  task: Task;
  work: Work;
}

/** An item and its rubric. What was said stays until it is saved, whatever fails. */
export function WorkForm({ queue, task, work }: WorkFormProps) {
  const { questions } = task;
  const [draft, setDraft] = useState<Draft>(() => kept(task.item) ?? beginWith(task));
  const [complaint, setComplaint] = useState<string | null>(null);
  const [skipping, setSkipping] = useState(false);
  const label = useLabel(queue);
  const fields = useRef<HTMLFormElement>(null);
  const change = (next: Draft) => {
    setDraft(next);
    setComplaint(null);
    keep(task.item, next);
  };
  const send = (body: NewLabel) => {
    if (label.isPending) return;
    label.mutate(
      { item: task.item, label: body },
      {
        onSuccess: () => {
          keep(task.item, null);
          work.finish(task.item);
        },
      },
    );
  };
  const submit = () => {
    const missing = missingIn(draft, questions);
    if (missing < 0) return send(toSend(draft));
    setDraft({ ...draft, active: missing });
    setComplaint(`Answer ${questions[missing]?.name} first, or press s to skip the item.`);
  };
  const write = (name: string) =>
    fields.current?.querySelector<HTMLElement>(`[data-field="${name}"]`)?.focus();
  useAnswerKeys({ draft, task, change, submit, write, skip: () => setSkipping(true), enabled: !skipping });
  useActiveInView(fields, draft.active);
  return (
    <div className={classes.desk}>
      <section className={`card ${classes.item}`} aria-label="Item">
        <ItemView input={task.input} output={task.output} context={task.context} />
      </section>
      <form
        ref={fields}
        className={`card ${classes.form}`}
        aria-label="Rubric"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {questions.map((question, at) => (
          <QuestionField
            key={question.name}
            question={question}
            value={draft.answers[question.name]}
            active={!skipping && at === draft.active}
            onActive={() => setDraft({ ...draft, active: at })}
            onChange={(value) => change(answered(draft, questions, at, value))}
            onSubmit={submit}
          />
        ))}
        <Textarea
          size="xs"
          data-field="comment"
          label="Comment"
          autosize
          minRows={1}
          maxRows={8}
          value={draft.comment}
          onChange={(event) => change({ ...draft, comment: event.currentTarget.value })}
          onKeyDown={leaveOrSubmit(submit)}
        />
        {complaint && (
          <p className={classes.complaint} role="alert">
            {complaint}
          </p>
        )}
        {label.error && <NotSaved error={label.error} onNext={() => work.finish(task.item)} />}
        {skipping ? (
          <SkipForm
            loading={label.isPending}
            onSkip={(why) => send({ answers: {}, skip: why, comment: draft.comment.trim() })}
            onCancel={() => setSkipping(false)}
          />
        ) : (
          <Buttons loading={label.isPending} work={work} onSkip={() => setSkipping(true)} />
        )}
        {task.label?.skipped && <p className="dim">You skipped it: {task.label.skipped}</p>}
      </form>
    </div>
  );
}

function Buttons({ loading, work, onSkip }: { loading: boolean; work: Work; onSkip: () => void }) {
  return (
    <div className={classes.buttons}>
      <Button size="xs" type="submit" loading={loading} rightSection={<Kbd size="xs">Enter</Kbd>}>
        {work.back > 0 ? "Save the change" : "Save"}
      </Button>
      <Button size="xs" variant="default" onClick={onSkip} rightSection={<Kbd size="xs">s</Kbd>}>
        Skip
      </Button>
      <Button size="xs" variant="default" onClick={work.goBack} rightSection={<Kbd size="xs">u</Kbd>}>
        Back
      </Button>
      <span className={watch.push} />
      <span className="faint">
        <Kbd size="xs">?</Kbd> all keys
      </span>
    </div>
  );
}

function NotSaved({ error, onNext }: { error: Error; onNext: () => void }) {
  if (error instanceof ApiProblem && error.code === "item_taken")
    return (
      <div className={watch.stack}>
        <Failure error={error} />
        <Button size="xs" variant="default" onClick={onNext}>
          Take the next one
        </Button>
      </div>
    );
  if (error instanceof Unreachable)
    return (
      <div className={classes.complaint} role="alert">
        The console does not answer: nothing was saved yet. Your answers are kept here; press Enter to try
        again.
      </div>
    );
  return <Failure error={error} />;
}

/** In a field: Escape gives the keys back to the rubric, Ctrl Enter saves. */
export function leaveOrSubmit(submit: () => void) {
  return (event: React.KeyboardEvent<HTMLElement>) => {
    if (event.key === "Escape") {
      event.preventDefault();
      event.currentTarget.blur();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.currentTarget.blur();
      submit();
    }
  };
}

interface AnswerKeys {
  draft: Draft;
  task: Task;
  change: (next: Draft) => void;
  submit: () => void;
  write: (field: string) => void;
  skip: () => void;
  enabled: boolean;
}

function useAnswerKeys({ draft, task: { questions }, change, submit, write, skip, enabled }: AnswerKeys) {
  const active = questions[draft.active];
  const mark = (step: number) => () =>
    change({ ...draft, active: Math.min(questions.length - 1, Math.max(0, draft.active + step)) });
  const answer = (key: string) => () => {
    const option = active && optionsOf(active).find((one) => one.key === key);
    if (option) change(answered(draft, questions, draft.active, option.value));
    else if (active && optionsOf(active).length === 0) write(active.name);
  };
  const yes = (value: boolean) => () => {
    if (active?.type === "boolean") change(answered(draft, questions, draft.active, value));
  };
  const digits = Object.fromEntries(Array.from("0123456789", (key) => [key, answer(key)]));
  useKeys(
    {
      ...digits,
      y: yes(true),
      n: yes(false),
      t: () => {
        const field =
          active && optionsOf(active).length === 0 ? active : questions.find((one) => one.type === "text");
        write(field?.name ?? "comment");
      },
      c: () => write("comment"),
      s: skip,
      arrowdown: mark(1),
      arrowup: mark(-1),
      arrowright: () => change(stepped(draft, questions, 1)),
      arrowleft: () => change(stepped(draft, questions, -1)),
      enter: ({ target }) => {
        // A button that is not an answer does what it says.
        const button =
          target instanceof HTMLElement ? target.closest<HTMLElement>("button, a, summary") : null;
        if (button && !button.matches('[data-option], [type="submit"]')) button.click();
        else submit();
      },
    },
    enabled,
  );
}

function useActiveInView(fields: React.RefObject<HTMLFormElement | null>, active: number) {
  const first = useRef(true);
  useEffect(() => {
    // An item that has just come is looked at from its beginning.
    if (first.current && active === 0) {
      first.current = false;
      return;
    }
    first.current = false;
    fields.current?.querySelector("[data-active]")?.scrollIntoView({ block: "nearest" });
  }, [fields, active]);
}
