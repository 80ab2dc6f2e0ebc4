import type { Definition } from "@/api/types";
import { nowMicroseconds } from "@/lib/clock";
import { placeOf } from "@/lib/definitions";
import { formatAgo, formatTime } from "@/lib/format";

/** Where it was written, and why it is not in force when it is not. */
export function SourceNote({ definition }: { definition: Definition }) {
  const { source, file, updated, updated_by, served, problem } = definition;
  return (
    <span>
      {source === "file" ? (
        <span className="dim" title={file ?? undefined}>
          {placeOf(definition)}
        </span>
      ) : (
        <span className="dim" title={updated === null ? undefined : formatTime(updated)}>
          the API by {updated_by}
          {updated !== null && `, ${formatAgo(updated, nowMicroseconds())}`}
        </span>
      )}
      {!served && (
        <span className="warn" title={problem ?? undefined}>
          {" "}
          not in force
        </span>
      )}
    </span>
  );
}
