import { Button, Loader } from "@mantine/core";
import { useEffect, useRef } from "react";
import { explain, Failure } from "@/components/failure";
import watch from "@/components/watch.module.css";
import { formatCount } from "@/lib/format";
import { useChanged, useImport } from "../queries";

interface ImportProgressProps {
  id: string;
  onDone: () => void;
  onBack: () => void;
}

/** How far an import is. The version appears when all of its rows are stored. */
export function ImportProgress({ id, onDone, onBack }: ImportProgressProps) {
  const { data, error } = useImport(id);
  const changed = useChanged();
  const done = useRef({ onDone, changed });
  done.current = { onDone, changed };
  const finished = data?.state === "done";
  useEffect(() => {
    if (finished) void done.current.changed().then(() => done.current.onDone());
  }, [finished]);
  if (error && !data) return <Failure error={error} />;
  if (data?.state === "failed")
    return (
      <div className={watch.stack} role="alert">
        <p className="bad">{data.error ?? explain(null).title}</p>
        {data.hint && <p className="dim">{data.hint}</p>}
        {data.field && <code>{data.field}</code>}
        <div>
          <Button size="xs" variant="default" onClick={onBack}>
            Back
          </Button>
        </div>
      </div>
    );
  return (
    <p role="status" className={watch.bar}>
      <Loader size={14} />
      <span>
        {data?.looked ? `${formatCount(data.looked)} spans looked at, ` : ""}
        {formatCount(data?.rows ?? 0)} rows read. This goes on when you leave the page.
      </span>
    </p>
  );
}
