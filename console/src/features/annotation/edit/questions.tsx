import {
  ActionIcon,
  Button,
  Checkbox,
  NativeSelect,
  NumberInput,
  TagsInput,
  Textarea,
  TextInput,
} from "@mantine/core";
import { Icon } from "@/components/icons";
import type { QuestionType } from "../types";
import { TYPES } from "../words";
import classes from "./edit.module.css";
import { type DraftQuestion, newQuestion } from "./rubric";

interface QuestionsProps {
  questions: readonly DraftQuestion[];
  onChange: (questions: DraftQuestion[]) => void;
}

/** The rubric: what is asked of each item. */
export function Questions({ questions, onChange }: QuestionsProps) {
  return (
    <fieldset className={classes.fieldset}>
      <legend>
        Rubric <span className="faint">each question becomes a score of its name</span>
      </legend>
      {questions.map((one, at) => (
        <QuestionFields
          key={one.key}
          number={at + 1}
          question={one}
          only={questions.length === 1}
          onChange={(next) =>
            onChange(questions.map((other) => (other.key === one.key ? { ...other, ...next } : other)))
          }
          onRemove={() => onChange(questions.filter((other) => other.key !== one.key))}
        />
      ))}
      <Button
        size="compact-xs"
        variant="subtle"
        leftSection={<Icon name="plus" size={12} />}
        onClick={() => onChange([...questions, newQuestion()])}
      >
        Add a question
      </Button>
    </fieldset>
  );
}

interface QuestionFieldsProps {
  number: number;
  question: DraftQuestion;
  only: boolean;
  onChange: (next: Partial<DraftQuestion>) => void;
  onRemove: () => void;
}

function QuestionFields({ number, question, only, onChange, onRemove }: QuestionFieldsProps) {
  return (
    <div className={classes.question}>
      <div className={classes.line}>
        <TextInput
          size="xs"
          aria-label={`Name of question ${number}`}
          placeholder="helpful"
          value={question.name}
          onChange={(event) => onChange({ name: event.currentTarget.value })}
        />
        <NativeSelect
          size="xs"
          aria-label={`Type of question ${number}`}
          data={Object.entries(TYPES).map(([value, label]) => ({ value, label }))}
          value={question.type}
          onChange={(event) => onChange({ type: event.currentTarget.value as QuestionType })}
        />
        <Scale number={number} question={question} onChange={onChange} />
        <Checkbox
          size="xs"
          label="Required"
          checked={question.required}
          onChange={(event) => onChange({ required: event.currentTarget.checked })}
        />
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Remove question ${number}`}
          disabled={only}
          onClick={onRemove}
        >
          <Icon name="trash" size={14} />
        </ActionIcon>
      </div>
      <Textarea
        size="xs"
        aria-label={`Guidance of question ${number}`}
        placeholder="What to look at, and what counts as what. The clearer, the more people agree."
        autosize
        minRows={1}
        maxRows={10}
        value={question.guidance}
        onChange={(event) => onChange({ guidance: event.currentTarget.value })}
      />
    </div>
  );
}

function Scale({
  number,
  question,
  onChange,
}: Pick<QuestionFieldsProps, "number" | "question" | "onChange">) {
  const bound = (value: string | number) => (value === "" ? null : Number(value));
  if (question.type === "category")
    return (
      <TagsInput
        size="xs"
        aria-label={`Categories of question ${number}`}
        placeholder={question.categories.length ? undefined : "calm, neutral, angry"}
        splitChars={[","]}
        acceptValueOnBlur
        maxTags={50}
        value={question.categories}
        onChange={(categories) => onChange({ categories })}
      />
    );
  if (question.type === "number")
    return (
      <div className={classes.bounds}>
        <NumberInput
          size="xs"
          aria-label={`Least of question ${number}`}
          placeholder="least"
          value={question.least ?? ""}
          onChange={(value) => onChange({ least: bound(value) })}
        />
        <NumberInput
          size="xs"
          aria-label={`Most of question ${number}`}
          placeholder="most"
          value={question.most ?? ""}
          onChange={(value) => onChange({ most: bound(value) })}
        />
      </div>
    );
  return <span className="faint">{question.type === "text" ? "as a correction or a note" : ""}</span>;
}
