import { Checkbox, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { DefinitionEditor } from "@/components/definition/editor";
import { useSignedIn } from "@/lib/session";
import classes from "./limits.module.css";

const TEMPLATE = `# organisation, project, key, user or tag
on: key
# match: NAME for one; without it each by itself
requests_per_minute: 600
tokens_per_minute: 200000
parallel: 40
budget:
  day: {soft: "$8", hard: "$10"}
`;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export function NewLimit() {
  const { session, project } = useSignedIn();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [everywhere, setEverywhere] = useState(false);
  const wrong =
    name !== "" && !NAME.test(name)
      ? "Letters, digits and . _ -, beginning with a letter or digit."
      : undefined;
  return (
    <div className={classes.page}>
      <div className={classes.form}>
        <TextInput
          label="Name"
          description="Named in the error of a call that it refuses."
          placeholder="each-key"
          maxLength={64}
          value={name}
          error={wrong}
          onChange={(event) => setName(event.currentTarget.value.trim())}
          autoFocus
        />
        {session.role === "admin" && (
          <Checkbox
            size="xs"
            label={`Of all projects, not only of ${project.name}`}
            checked={everywhere}
            onChange={(event) => setEverywhere(event.currentTarget.checked)}
          />
        )}
      </div>
      <DefinitionEditor
        kind="limit"
        place={{ name: wrong ? "" : name, everywhere }}
        initial={TEMPLATE}
        etag={null}
        onSaved={(saved) => void navigate({ to: "/limits/$name", params: { name: saved.name }, search: {} })}
        onCancel={() => void navigate({ to: "/limits", search: {} })}
      />
    </div>
  );
}
