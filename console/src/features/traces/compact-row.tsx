import type { CSSProperties } from "react";
import type { TraceRow } from "@/api/types";
import { StatusMark } from "@/components/status";
import { nowMicroseconds } from "@/lib/clock";
import { formatCompact, formatDuration, formatMoneyRow, formatRowTime } from "@/lib/format";
import classes from "./traces.module.css";

interface CompactRowProps {
  row: TraceRow;
  style: CSSProperties;
  selected: boolean;
  onOpen: () => void;
}

/** A call in three short lines, for a phone. */
export function CompactRow({ row, style, selected, onOpen }: CompactRowProps) {
  return (
    <button
      type="button"
      className={classes.compact}
      style={style}
      data-selected={selected || undefined}
      onClick={onOpen}
    >
      <span className={classes.compactLine}>
        <StatusMark status={row.status} />
        <b className="cut">{row.served_model ?? row.requested_model}</b>
        <span className={classes.push} />
        <span className="faint">{formatRowTime(row.started, nowMicroseconds())}</span>
      </span>
      <span className={`cut ${classes.compactText}`}>{row.input_preview || row.name}</span>
      <span className={`${classes.compactLine} dim`}>
        <span>{formatDuration(row.duration)}</span>
        <span>{formatCompact(row.usage.total)} tokens</span>
        <span>{formatMoneyRow(row.cost)}</span>
        <span className="cut">{row.key_name}</span>
      </span>
    </button>
  );
}
