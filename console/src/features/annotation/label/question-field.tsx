import { Kbd, NumberInput, Textarea } from "@mantine/core";
import type { Question, Value } from "../types";
import { sayScale } from "../words";
import { optionsOf } from "./draft";
import classes from "./label.module.css";
import { leaveOrSubmit } from "./work-form";

interface QuestionFieldProps {
  question: Question;
  value: Value | undefined;
  /** Keys answer it. */
  active: boolean;
  onActive: () => void;
  onChange: (value: Value | null) => void;
  onSubmit: () => void;
}

export function QuestionField({ question, value, active, onActive, onChange, onSubmit }: QuestionFieldProps) {
  const options = optionsOf(question);
  return (
    <div className={classes.question} data-active={active || undefined}>
      <div className={classes.name} id={`question-${question.name}`}>
        {question.name} {!question.required && <span className="faint">optional</span>}
      </div>
      {question.guidance && <div className={classes.guidance}>{question.guidance}</div>}
      {options.length > 0 ? (
        <div className={classes.options} role="radiogroup" aria-labelledby={`question-${question.name}`}>
          {options.map((option) => (
            <button
              key={option.label}
              type="button"
              role="radio"
              aria-checked={option.value === value}
              data-option
              className={classes.option}
              onClick={() => onChange(option.value === value && !question.required ? null : option.value)}
            >
              {option.key !== null && option.key !== option.label && <Kbd size="xs">{option.key}</Kbd>}
              {option.label}
            </button>
          ))}
        </div>
      ) : (
        <Field
          question={question}
          value={value}
          onActive={onActive}
          onChange={onChange}
          onSubmit={onSubmit}
        />
      )}
    </div>
  );
}

function Field({ question, value, onActive, onChange, onSubmit }: Omit<QuestionFieldProps, "active">) {
  const common = {
    size: "xs" as const,
    "data-field": question.name,
    "aria-labelledby": `question-${question.name}`,
    onFocus: onActive,
    onKeyDown: leaveOrSubmit(onSubmit),
  };
  if (question.type === "number")
    return (
      <NumberInput
        {...common}
        placeholder={sayScale(question) || "a number"}
        min={question.least ?? undefined}
        max={question.most ?? undefined}
        value={typeof value === "number" ? value : ""}
        onChange={(next) => onChange(next === "" || Number.isNaN(Number(next)) ? null : Number(next))}
      />
    );
  return (
    <Textarea
      {...common}
      autosize
      minRows={1}
      maxRows={10}
      value={typeof value === "string" ? value : ""}
      onChange={(event) => onChange(event.currentTarget.value === "" ? null : event.currentTarget.value)}
    />
  );
}
