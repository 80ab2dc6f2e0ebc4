import { Checkbox, Skeleton, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { DefinitionEditor } from "@/components/definition/editor";
import { useModelNames } from "@/lib/model-names";
import { useSignedIn } from "@/lib/session";
import { FlowPreview } from "./flow-preview";
import classes from "./routes.module.css";

/** A first definition with models that exist here. */
export function templateOf(models: readonly string[]): string {
  const [first = "openai/gpt-4o", second = "anthropic/claude-sonnet-4-5"] = models.filter(
    (name) => name.includes("/") && !name.endsWith("*") && !/embed/i.test(name),
  );
  return `variants:
  smart: ${first}
  cheap: ${second}
strategy:
  # or fallback, conditional, cohort, sticky,
  # shadow, cascade, hedge; they nest
  weighted: {smart: 90, cheap: 10}
`;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/;

export function NewRoute() {
  const { session, project } = useSignedIn();
  const { names, loading } = useModelNames();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const [everywhere, setEverywhere] = useState(false);
  // The example names models that exist here, and must not replace what was typed meanwhile.
  if (loading) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const wrong =
    name !== "" && !NAME.test(name)
      ? "Letters, digits and . _ : @ -, beginning with a letter or digit."
      : undefined;
  return (
    <div className={classes.page}>
      <div className={classes.form}>
        <TextInput
          label="Name"
          description="What applications send as their model."
          placeholder="support"
          maxLength={128}
          value={name}
          error={wrong}
          onChange={(event) => setName(event.currentTarget.value.trim())}
          autoFocus
        />
        {session.role === "admin" && (
          <Checkbox
            size="xs"
            label={`In all projects, not only in ${project.name}`}
            checked={everywhere}
            onChange={(event) => setEverywhere(event.currentTarget.checked)}
          />
        )}
      </div>
      <DefinitionEditor
        kind="route"
        place={{ name: wrong ? "" : name, everywhere }}
        initial={templateOf(names)}
        etag={null}
        preview={(body) => <FlowPreview definition={body} />}
        onSaved={(saved) => void navigate({ to: "/routes/$name", params: { name: saved.name }, search: {} })}
        onCancel={() => void navigate({ to: "/routes", search: {} })}
      />
    </div>
  );
}
