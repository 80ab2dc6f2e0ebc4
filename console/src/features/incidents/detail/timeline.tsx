import { Button, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Failure } from "@/components/failure";
import classes from "@/components/watch.module.css";
import { formatMinute } from "@/lib/format";
import { useIncidentWrites } from "../queries";
import type { IncidentEvent, IncidentView } from "../types";

/** What happened, the oldest first, and a line to add to it. */
export function Timeline({ view, writer }: { view: IncidentView; writer: boolean }) {
  return (
    <section className="card" aria-label="Timeline">
      <ol className={classes.list}>
        {view.timeline.map((event) => (
          <li key={event.id}>
            <span className="dim">{formatMinute(event.at)}</span>
            <div>
              <Said event={event} />
            </div>
            <div className={classes.aside}>
              <span>{event.kind}</span>
              <span>{event.by}</span>
            </div>
          </li>
        ))}
      </ol>
      {writer && <NoteForm id={view.incident.id} />}
    </section>
  );
}

function Said({ event }: { event: IncidentEvent }) {
  const { trace_id: trace, link } = event.data as { trace_id?: unknown; link?: unknown };
  return (
    <>
      <span style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{event.text}</span>{" "}
      {typeof trace === "string" && trace && (
        <Link to="/traces/$traceId" params={{ traceId: trace }} search={{}}>
          trace
        </Link>
      )}
      {typeof link === "string" && link.startsWith("/") && !link.startsWith("//") && (
        <a href={link}>traces</a>
      )}
    </>
  );
}

const TRACE = /[0-9a-f]{32}/;

function NoteForm({ id }: { id: string }) {
  const { note } = useIncidentWrites();
  const [text, setText] = useState("");
  // A trace's id or address within the note makes it an example.
  const trace = TRACE.exec(text)?.[0] ?? null;
  return (
    <form
      className={classes.pad}
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim())
          note.mutate({ id, text: text.trim(), trace_id: trace }, { onSuccess: () => setText("") });
      }}
    >
      <div className={classes.bar}>
        <TextInput
          size="xs"
          style={{ flex: 1, minWidth: 200 }}
          aria-label="Note"
          placeholder="What was seen or done; a trace's id or address becomes an example"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button size="xs" variant="default" type="submit" loading={note.isPending} disabled={!text.trim()}>
          Add
        </Button>
      </div>
      {note.error && <Failure error={note.error} />}
    </form>
  );
}
