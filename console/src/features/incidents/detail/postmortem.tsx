import { Button, NativeSelect, Skeleton, Textarea } from "@mantine/core";
import { useState } from "react";
import { ApiProblem } from "@/api/problem";
import { CopyButton } from "@/components/copy";
import { Failure } from "@/components/failure";
import { Markdown } from "@/components/markdown";
import classes from "@/components/watch.module.css";
import { download, fileName } from "@/lib/download";
import { formatMinute } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { usePostmortem, usePostmortemWrite } from "../queries";
import type { Incident, PostmortemText } from "../types";

/** The text that was saved last, or a draft with the facts already in it; each save is a version of its own. */
export function Postmortem({ incident }: { incident: Incident }) {
  const [version, setVersion] = useState<number | null>(null);
  const last = usePostmortem(incident.id, null);
  const older = usePostmortem(incident.id, version);
  const shown = version === null ? last : older;
  const [text, setText] = useState<string | null>(null);
  if (!last.data && last.error) return <Failure error={last.error} onRetry={() => void last.refetch()} />;
  if (!last.data) return <Skeleton height={320} role="status" aria-label="Loading the draft" />;
  const found = shown.data ?? last.data;
  return (
    <section className={`card ${classes.stack} ${classes.pad}`} aria-label="Post-mortem">
      <div className={classes.bar}>
        <p className={classes.lead}>{sayState(found)}</p>
        {text === null && last.data.version > 0 && (
          <NativeSelect
            size="xs"
            aria-label="Version"
            data={versionsOf(last.data)}
            value={String(version ?? last.data.version)}
            onChange={(event) => {
              const chosen = Number(event.currentTarget.value);
              setVersion(chosen === last.data?.version ? null : chosen);
            }}
          />
        )}
        {text === null && <Reading incident={incident} text={found.markdown} onEdit={setText} />}
      </div>
      {version !== null && older.error && <Failure error={older.error} />}
      {text === null ? (
        <Markdown text={found.markdown} />
      ) : (
        <Writing
          incident={incident}
          base={last.data.version}
          text={text}
          onChange={setText}
          onDone={() => {
            setText(null);
            setVersion(null);
          }}
        />
      )}
    </section>
  );
}

interface ReadingProps {
  incident: Incident;
  text: string;
  onEdit: (text: string) => void;
}

function Reading({ incident, text, onEdit }: ReadingProps) {
  const { may } = useSignedIn();
  const name = `${incident.number}-${fileName(incident.title)}.md`;
  return (
    <>
      <CopyButton text={text} label="Copy" />
      <Button size="xs" variant="default" onClick={() => download(name, text, "text/markdown")}>
        Download
      </Button>
      {may("incidents:write") && (
        <Button size="xs" onClick={() => onEdit(text)}>
          Edit
        </Button>
      )}
    </>
  );
}

interface WritingProps {
  incident: Incident;
  /** The version that is written on: another's save meanwhile is told, not written over. */
  base: number;
  text: string;
  onChange: (text: string) => void;
  onDone: () => void;
}

function Writing({ incident, base, text, onChange, onDone }: WritingProps) {
  const save = usePostmortemWrite(incident.id);
  const [on] = useState(base);
  const [preview, setPreview] = useState(false);
  const overtaken = save.error instanceof ApiProblem && save.error.status === 412;
  const put = (version: number | null) => save.mutate({ markdown: text, version }, { onSuccess: onDone });
  return (
    <>
      {preview ? (
        <Markdown text={text} />
      ) : (
        <Textarea
          aria-label="Text of the post-mortem"
          autosize
          minRows={18}
          maxRows={40}
          data-autofocus
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12.5 } }}
          value={text}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )}
      {save.error && <Failure error={save.error} />}
      <div className={classes.bar}>
        <span className={classes.push} />
        <Button size="xs" variant="subtle" color="gray" onClick={() => setPreview(!preview)}>
          {preview ? "Write" : "Preview"}
        </Button>
        <Button size="xs" variant="default" onClick={onDone}>
          Cancel
        </Button>
        {overtaken && (
          <Button size="xs" color="red" variant="light" onClick={() => put(null)}>
            Save over it
          </Button>
        )}
        <Button size="xs" loading={save.isPending} disabled={!text.trim()} onClick={() => put(on)}>
          Save
        </Button>
      </div>
    </>
  );
}

function versionsOf(last: PostmortemText) {
  const saved = Array.from({ length: last.version }, (_, index) => last.version - index);
  return [
    ...saved.map((version) => ({ value: String(version), label: `Version ${version}` })),
    { value: "0", label: "The draft" },
  ];
}

export function sayState({ version, saved, saved_by }: PostmortemText): string {
  if (version === 0) return "A draft with the facts already in it.";
  return `Version ${version}, saved ${formatMinute(saved ?? 0)} by ${saved_by ?? "somebody"}.`;
}
