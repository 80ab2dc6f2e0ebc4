import { Button, Skeleton, Textarea } from "@mantine/core";
import { useState } from "react";
import { CopyButton } from "@/components/copy";
import { Failure } from "@/components/failure";
import { Markdown } from "@/components/markdown";
import classes from "@/components/watch.module.css";
import { download, fileName } from "@/lib/download";
import { usePreference } from "@/lib/preferences";
import { usePostmortem } from "../queries";
import type { Incident } from "../types";

/** The draft with the facts in it, written on in this browser, and taken away as a file. */
export function Postmortem({ incident }: { incident: Incident }) {
  const { data, error, refetch } = usePostmortem(incident.id, true);
  const [kept, setKept] = usePreference<string | null>(`postmortem.${incident.id}`, null);
  const [editing, setEditing] = useState(false);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Skeleton height={320} role="status" aria-label="Loading the draft" />;
  const text = kept ?? data;
  const name = `${incident.number}-${fileName(incident.title)}.md`;
  return (
    <section className={`card ${classes.stack} ${classes.pad}`} aria-label="Post-mortem">
      <div className={classes.bar}>
        <p className={classes.lead}>
          {kept === null
            ? "A draft with the facts already in it."
            : "Your own text, kept in this browser; download it to share it."}
        </p>
        {kept !== null && (
          <Button
            size="xs"
            variant="subtle"
            color="gray"
            onClick={() => {
              setKept(null);
              void refetch();
            }}
          >
            Begin anew
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => setEditing(!editing)}>
          {editing ? "Preview" : "Edit"}
        </Button>
        <CopyButton text={text} label="Copy" />
        <Button size="xs" onClick={() => download(name, text, "text/markdown")}>
          Download
        </Button>
      </div>
      {editing ? (
        <Textarea
          aria-label="Text of the post-mortem"
          autosize
          minRows={18}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 12.5 } }}
          value={text}
          onChange={(event) => setKept(event.currentTarget.value)}
        />
      ) : (
        <Markdown text={text} />
      )}
    </section>
  );
}
