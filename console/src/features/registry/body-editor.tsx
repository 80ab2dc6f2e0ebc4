import { useState } from "react";
import type { Artifact, SavedVersion } from "@/api/types";
import { ArtifactDifferences } from "@/components/artifact/differences";
import { SaveBar } from "@/components/artifact/save-bar";
import definition from "@/components/definition/definition.module.css";
import { goToLine, SourceEditor } from "@/components/definition/source-editor";
import { Failure } from "@/components/failure";
import { faultOf, useSettledValue } from "@/features/prompts/editor/use-check";
import { type ArtifactKind, useArtifactProposal } from "@/lib/artifacts";
import { lineOf, parseText, toText } from "@/lib/definition-text";

interface BodyEditorProps {
  kind: ArtifactKind;
  /** Empty until a new artifact has one. */
  name: string;
  artifact: Artifact | null;
  initial: unknown;
  branch: string;
  readOnly: boolean;
  onSaved: (saved: SavedVersion) => void;
  onCancel?: () => void;
}

/** The body of any artifact as YAML, or JSON, beside what saving it would change. */
export function BodyEditor(props: BodyEditorProps) {
  const { kind, name, artifact, branch, readOnly } = props;
  const [text, setText] = useState(() =>
    typeof props.initial === "string" ? props.initial : toText(props.initial),
  );
  const settled = useSettledValue(text);
  const parsed = parseText(settled);
  const known = artifact?.branches.some((one) => one.name === branch);
  const { data, error } = useArtifactProposal(
    { kind, name },
    parsed.value,
    known ? `branch:${branch}` : "latest",
    parsed.value !== null && artifact?.head != null,
  );
  const fault = parsed.value ? faultOf(error) : null;
  const problems = fault ? [{ line: lineOf(settled, fault.field), message: fault.message }] : parsed.problems;
  const label = `Definition of ${name || "the new one"}`;
  return (
    <div className={definition.edit}>
      <section className="card" aria-label={label}>
        <div className="card-head">{readOnly ? "Read-only" : "Definition"}</div>
        <SourceEditor label={label} text={text} onChange={setText} marks={problems} readOnly={readOnly} />
      </section>
      <section className={`card ${definition.review}`} aria-label="Changes">
        <div className="card-head">Changes</div>
        <div className={definition.reviewBody}>
          {problems.length > 0 ? (
            <ul className={definition.problems} role="alert">
              {problems.map((one) => (
                <li key={`${one.line} ${one.message}`}>
                  <button
                    type="button"
                    onClick={() =>
                      goToLine(
                        document.querySelector<HTMLTextAreaElement>(`[aria-label="${label}"]`),
                        one.line,
                      )
                    }
                  >
                    line {one.line}
                  </button>
                  <div>{one.message}</div>
                </li>
              ))}
            </ul>
          ) : error ? (
            <Failure error={error} />
          ) : artifact?.head == null ? (
            <p className="dim">All of it: there is no version yet.</p>
          ) : data ? (
            <ArtifactDifferences differences={data.differences} />
          ) : (
            <p className="faint">Comparing…</p>
          )}
        </div>
        {!readOnly && (
          <SaveBar
            kind={kind}
            name={name}
            artifact={artifact}
            branch={branch}
            body={parsed.value}
            ready={parsed.value !== null && settled === text && !error}
            onSaved={props.onSaved}
            onCancel={props.onCancel}
          />
        )}
      </section>
    </div>
  );
}
