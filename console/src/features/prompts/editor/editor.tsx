import { SegmentedControl } from "@mantine/core";
import { useState } from "react";
import type { Artifact, SavedVersion } from "@/api/types";
import definition from "@/components/definition/definition.module.css";
import { SourceEditor } from "@/components/definition/source-editor";
import { Fault } from "@/components/prompt/message-card";
import { PromptMessages } from "@/components/prompt/messages";
import prompt from "@/components/prompt/prompt.module.css";
import { PromptSettings } from "@/components/prompt/settings";
import { PromptVariables } from "@/components/prompt/variables";
import { lineOf, parseText, toText } from "@/lib/definition-text";
import { compactBody, type PromptBody, valuesOf } from "@/lib/prompt-body";
import { useSignedIn } from "@/lib/session";
import { Review } from "./review";
import { usePromptCheck } from "./use-check";

interface PromptEditorProps {
  /** Empty until a new prompt has one. */
  name: string;
  /** Null for a new prompt. */
  artifact: Artifact | null;
  initial: PromptBody;
  /** What `initial` is; null for none. */
  version: number | null;
  branch: string;
  onSaved: (saved: SavedVersion) => void;
  onCancel?: () => void;
}

/** A prompt as a form or as text, beside what the server says of it. */
export function PromptEditor(props: PromptEditorProps) {
  const { may } = useSignedIn();
  const readOnly = !may("prompts:write") || Boolean(props.artifact && props.artifact.archived !== null);
  const [body, setBody] = useState(props.initial);
  const [mode, setMode] = useState<"form" | "source">("form");
  const [source, setSource] = useState("");
  const [unread, setUnread] = useState<Record<string, string>>({});
  const [texts, setTexts] = useState<Record<string, string>>({});
  const { values, wrong } = valuesOf(texts, body.variables ?? {});
  const check = usePromptCheck(body, values);
  const parsed = mode === "source" ? parseText(source) : null;
  const faults = [
    ...(parsed?.problems.map((one) => `line ${one.line}: ${one.message}`) ?? []),
    ...Object.values(unread),
    ...wrong.map((name) => `The value of ${name} is not of its type.`),
  ];
  const show = (next: "form" | "source") => {
    if (next === "source") setSource(toText(compactBody(body)));
    setUnread({});
    setMode(next);
  };
  const write = (text: string) => {
    setSource(text);
    const read = parseText(text).value;
    if (read) setBody(read as PromptBody);
  };
  const marks = [
    ...(parsed?.problems ?? []),
    ...(check.fault && !parsed?.problems.length
      ? [{ line: lineOf(source, check.fault.field), message: check.fault.message }]
      : []),
  ];
  return (
    <div className={definition.edit}>
      <section className="card" aria-label="Prompt">
        <div className="card-head">
          {readOnly ? "Read-only" : "Prompt"}
          <span className={definition.push} />
          <SegmentedControl
            size="xs"
            aria-label="Edit as"
            data={[
              { value: "form", label: "Form" },
              { value: "source", label: "YAML", disabled: Object.keys(unread).length > 0 },
            ]}
            value={mode}
            onChange={(value) => (parsed?.value === null ? undefined : show(value as "form" | "source"))}
          />
        </div>
        {mode === "source" ? (
          <SourceEditor
            label="Prompt as YAML"
            text={source}
            onChange={write}
            marks={marks}
            readOnly={readOnly}
          />
        ) : (
          <>
            <div style={{ padding: 12 }}>
              <PromptMessages body={body} fault={check.fault} readOnly={readOnly} onChange={setBody} />
            </div>
            <PromptVariables body={body} readOnly={readOnly} onChange={setBody} />
            <PromptSettings
              body={body}
              readOnly={readOnly}
              onChange={setBody}
              onFault={(field, message) =>
                setUnread(({ [field]: _before, ...rest }) => (message ? { ...rest, [field]: message } : rest))
              }
            />
            {check.fault && !/^(messages\[|text$)/.test(check.fault.field) && (
              <div className={prompt.section}>
                <Fault fault={check.fault} />
              </div>
            )}
          </>
        )}
      </section>
      <Review
        {...props}
        body={body}
        readOnly={readOnly}
        check={check}
        faults={faults}
        texts={texts}
        values={values}
        onTexts={setTexts}
      />
    </div>
  );
}
