import { Button, Kbd, TextInput } from "@mantine/core";
import { useState } from "react";
import { useKeys } from "@/lib/keys";
import classes from "./label.module.css";

const REASONS = [
  "There is too little to go by.",
  "It is cut off or broken.",
  "Somebody else has to judge this.",
  "The rubric does not fit it.",
] as const;

interface SkipFormProps {
  loading: boolean;
  onSkip: (why: string) => void;
  onCancel: () => void;
}

/** Why an item cannot be judged; it goes to somebody else. */
export function SkipForm({ loading, onSkip, onCancel }: SkipFormProps) {
  const [why, setWhy] = useState("");
  useKeys({
    ...Object.fromEntries(REASONS.map((reason, index) => [String(index + 1), () => onSkip(reason)])),
    escape: onCancel,
  });
  const own = why.trim();
  return (
    <fieldset className={classes.skip} aria-label="Why it is skipped">
      <legend>Why can it not be judged?</legend>
      {REASONS.map((reason, index) => (
        <button
          key={reason}
          type="button"
          className={classes.option}
          disabled={loading}
          onClick={() => onSkip(reason)}
        >
          <Kbd size="xs">{index + 1}</Kbd> {reason}
        </button>
      ))}
      <TextInput
        size="xs"
        aria-label="Another reason"
        placeholder="Another reason"
        maxLength={1000}
        value={why}
        onChange={(event) => setWhy(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            if (own) onSkip(own);
          } else if (event.key === "Escape") {
            event.preventDefault();
            onCancel();
          }
        }}
      />
      <div className={classes.buttons}>
        <Button size="xs" loading={loading} disabled={own === ""} onClick={() => onSkip(own)}>
          Skip the item
        </Button>
        <Button size="xs" variant="default" onClick={onCancel} rightSection={<Kbd size="xs">Esc</Kbd>}>
          Do not skip
        </Button>
      </div>
    </fieldset>
  );
}
