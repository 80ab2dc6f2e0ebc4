import { Button, TextInput } from "@mantine/core";
import { type ReactNode, useRef, useState } from "react";
import { ApiProblem } from "@/api/problem";
import type { Definition, Proposal } from "@/api/types";
import { Failure } from "@/components/failure";
import { type DefinitionKind, type Place, useDefinitionChanges } from "@/lib/definitions";
import classes from "./definition.module.css";
import { Differences } from "./differences";
import { goToLine, SourceEditor } from "./source-editor";
import { type Checked, type Problem, useProposal } from "./use-proposal";

export interface EditorProps {
  kind: DefinitionKind;
  place: Place;
  /** The text to begin with. */
  initial: string;
  /** Of the version that the text was made from; null for something new. */
  etag: string | null;
  /** What the text means, for people; shown below while the text can be read. */
  preview?: (body: Record<string, unknown>) => ReactNode;
  onSaved: (saved: Definition) => void;
  onCancel: () => void;
}

/** Edit as text, with the server's opinion of it beside: what is wrong, and what saving would change. */
export function DefinitionEditor({ kind, place, initial, etag, preview, onSaved, onCancel }: EditorProps) {
  const [text, setText] = useState(initial);
  const [base, setBase] = useState(etag);
  const [comment, setComment] = useState("");
  const checked = useProposal(kind, place, text);
  const { put } = useDefinitionChanges(kind);
  const box = useRef<HTMLDivElement>(null);
  const { proposal, body } = checked;
  const moved = proposal !== undefined && proposal.etag !== base;
  const ready = proposal?.valid && proposal.differences.length > 0 && !moved && body !== null;
  const save = () => {
    if (body) put.mutate({ place, body, terms: { etag: base, comment } }, { onSuccess: onSaved });
  };
  return (
    <div className={classes.edit} ref={box}>
      <section className="card" aria-label="Definition">
        <div className="card-head">
          {place.name || "unnamed"} <span className="faint">YAML or JSON, as in penstock.yaml</span>
        </div>
        <SourceEditor
          label={`Definition of ${place.name || "the new one"}`}
          text={text}
          onChange={(next) => {
            setText(next);
            put.reset();
          }}
          marks={checked.problems}
        />
      </section>
      <section className={`card ${classes.review}`} aria-label="Changes">
        <div className="card-head">What saving changes</div>
        <div className={classes.reviewBody}>
          <Review
            checked={checked}
            named={place.name !== ""}
            onLine={(line) => goToLine(box.current?.querySelector("textarea"), line)}
          />
          {moved && <Moved proposal={proposal} base={base} onAccept={() => setBase(proposal.etag)} />}
          {put.error && <SaveFailure error={put.error} />}
        </div>
        <div className={classes.foot}>
          <TextInput
            size="xs"
            aria-label="Comment"
            placeholder="Why, for the history"
            maxLength={500}
            value={comment}
            onChange={(event) => setComment(event.currentTarget.value)}
            className={classes.comment}
          />
          <Button variant="default" size="xs" onClick={onCancel}>
            Cancel
          </Button>
          <Button size="xs" disabled={!ready} loading={put.isPending} onClick={save}>
            Save
          </Button>
        </div>
      </section>
      {preview && checked.read && <div className={classes.preview}>{preview(checked.read)}</div>}
    </div>
  );
}

function Review({
  checked,
  named,
  onLine,
}: {
  checked: Checked;
  named: boolean;
  onLine: (line: number) => void;
}) {
  const { problems, proposal, error } = checked;
  if (!named) return <p className="dim">Give it a name first.</p>;
  if (problems.length) return <Problems problems={problems} onLine={onLine} />;
  if (error) return <Failure error={error} />;
  if (!proposal) return <p className="faint">Checking…</p>;
  if (proposal.differences.length === 0) return <p className="dim">Nothing: this is what stands already.</p>;
  return <Differences differences={proposal.differences} />;
}

function Problems({ problems, onLine }: { problems: readonly Problem[]; onLine: (line: number) => void }) {
  return (
    <ul className={classes.problems} role="alert">
      {problems.map((one) => (
        <li key={`${one.line} ${one.field} ${one.message}`}>
          <button type="button" onClick={() => onLine(one.line)}>
            line {one.line}
          </button>
          <div>
            {one.field && <code>{one.field}</code>} {one.message}
            {one.hint && <div className="dim">{one.hint}</div>}
          </div>
        </li>
      ))}
    </ul>
  );
}

/** Somebody wrote meanwhile. The changes shown are against what stands now. */
function Moved({
  proposal,
  base,
  onAccept,
}: {
  proposal: Proposal;
  base: string | null;
  onAccept: () => void;
}) {
  const what = proposal.etag === null ? "deleted" : base === null ? "created" : "changed";
  return (
    <div className={classes.moved} role="alert">
      <p>
        <b>It was {what} while you were editing.</b> Your text is kept. What is shown above is against what
        stands now; what others changed would be undone where it is listed.
      </p>
      <Button size="xs" variant="default" onClick={onAccept}>
        Save over it
      </Button>
    </div>
  );
}

function SaveFailure({ error }: { error: Error }) {
  if (error instanceof ApiProblem && error.status === 412)
    return (
      <div className={classes.moved} role="alert">
        <b>Not saved: somebody else was faster.</b> {error.message} Your text is kept; change it or wait a
        moment to see the difference to what stands now.
      </div>
    );
  return <Failure error={error} />;
}
