/** What differs between two versions of an artifact, in the form of its kind. */

import { toText } from "@/lib/definition-text";
import classes from "./differences.module.css";

interface Line {
  op: "same" | "removed" | "added";
  text: string;
  /** What differs within a line that was changed. */
  words?: [string, string][];
}

interface Hunk {
  before_line: number;
  after_line: number;
  lines: Line[];
}

type Change = "added" | "removed" | "changed";

interface Found {
  type: string;
  path: string;
  change?: Change;
  before?: unknown;
  after?: unknown;
  role?: string;
  before_role?: string;
  hunks?: Hunk[];
  added?: number;
  removed?: number;
  changed?: number;
  unchanged?: number;
}

const MARKS: Record<Change, string> = { added: "+", removed: "−", changed: "~" };

export function ArtifactDifferences({ differences }: { differences: readonly Record<string, unknown>[] }) {
  if (differences.length === 0) return <p className={classes.same}>The two do not differ.</p>;
  return (
    <ul className={classes.list}>
      {(differences as unknown as Found[]).map((one, index) => {
        const change = one.change ?? "changed";
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: two messages may have one path, the old one and the new.
          <li key={`${one.path} ${index}`} data-change={change}>
            <div className={classes.head}>
              <span className={classes.mark} title={change}>
                {MARKS[change]}
              </span>
              <span className={classes.path}>{one.path || "all of it"}</span>
              <Roles found={one} />
            </div>
            <Body found={one} />
          </li>
        );
      })}
    </ul>
  );
}

function Roles({ found }: { found: Found }) {
  if (found.type !== "message") return null;
  const changed = found.before_role && found.role && found.before_role !== found.role;
  return (
    <span className="dim">
      {changed ? `${found.before_role} → ${found.role}` : (found.role ?? found.before_role)}
    </span>
  );
}

function Body({ found }: { found: Found }) {
  if (found.hunks) return <Hunks hunks={found.hunks} />;
  if (found.type === "rows")
    return (
      <p className={classes.rows}>
        {found.added} added, {found.removed} removed, {found.changed} changed, {found.unchanged} as before
      </p>
    );
  return (
    <>
      {found.change !== "added" && <del className={classes.value}>{toText(found.before).trimEnd()}</del>}
      {found.change !== "removed" && <ins className={classes.value}>{toText(found.after).trimEnd()}</ins>}
    </>
  );
}

function Hunks({ hunks }: { hunks: readonly Hunk[] }) {
  return (
    <>
      {hunks.map((hunk) => (
        <pre key={`${hunk.before_line} ${hunk.after_line}`} className={classes.hunk}>
          {hunk.lines.map((line, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
            <span key={index} className={classes.line} data-op={line.op}>
              {line.words ? <Words words={line.words} op={line.op} /> : line.text || " "}
            </span>
          ))}
        </pre>
      ))}
    </>
  );
}

function Words({ words, op }: { words: [string, string][]; op: Line["op"] }) {
  const Tag = op === "removed" ? "del" : "ins";
  return (
    <>
      {words.map(([kind, text], index) =>
        kind === "same" ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: a word is its place.
          <span key={index}>{text}</span>
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above.
          <Tag key={index}>{text}</Tag>
        ),
      )}
    </>
  );
}
