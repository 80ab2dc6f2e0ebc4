import { useState } from "react";
import type { Definition } from "@/api/types";
import { toText } from "@/lib/definition-text";
import { type DefinitionKind, placeOf } from "@/lib/definitions";
import { useSignedIn } from "@/lib/session";
import { CopyButton } from "../copy";
import classes from "./definition.module.css";
import { DefinitionEditor, type EditorProps } from "./editor";
import { SourceEditor } from "./source-editor";

interface DefinitionTabProps extends Pick<EditorProps, "preview"> {
  kind: DefinitionKind;
  definition: Definition;
  onDone: () => void;
}

/** An editor for who may write what the control API holds; else the text, and why it cannot be changed here. */
export function DefinitionTab({ kind, definition, preview, onDone }: DefinitionTabProps) {
  const { may } = useSignedIn();
  // What one edits stays what it was when one began; the server says when others changed it meanwhile.
  const [begun] = useState(definition);
  if (definition.source === "api" && may(`${kind}s:write`))
    return (
      <DefinitionEditor
        kind={kind}
        place={{ name: begun.name, everywhere: begun.project === null }}
        initial={toText(begun.definition)}
        etag={begun.etag}
        preview={preview}
        onSaved={onDone}
        onCancel={onDone}
      />
    );
  const text = toText(definition.definition);
  return (
    <section className="card" aria-label="Definition">
      <div className="card-head">
        {definition.source === "file" ? `Read-only: it stands in ${placeOf(definition)}` : "Read-only"}
        <span className={classes.push} />
        <span className={classes.fixed}>
          <CopyButton text={text} label="Copy" />
        </span>
      </div>
      <p className={classes.why}>
        {definition.source === "file"
          ? "Change it there; the gateway takes it over within two seconds, without a restart."
          : `Your role may not change ${kind}s. Ask an admin.`}
      </p>
      <SourceEditor
        label={`Definition of ${definition.name}`}
        text={text}
        onChange={() => {}}
        marks={[]}
        readOnly
      />
    </section>
  );
}
