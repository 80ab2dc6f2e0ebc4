import { useRef, useState } from "react";
import { formatDuration } from "@/lib/format";
import type { Extent } from "@/lib/zoom";
import classes from "./waterfall.module.css";

/** Below this, a drag was a click. */
const LEAST_DRAG = 0.01;

interface TimeAxisProps {
  /** What is shown, and where the trace begins. */
  extent: Extent;
  start: number;
  onZoom: (extent: Extent) => void;
}

/** The time above the lanes. Dragging over it looks closer at that part. */
export function TimeAxis({ extent, start, onZoom }: TimeAxisProps) {
  const box = useRef<HTMLDivElement>(null);
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const length = extent.to - extent.from;
  const shareOf = (event: React.PointerEvent) => {
    const rect = box.current?.getBoundingClientRect();
    return rect?.width ? Math.min(1, Math.max(0, (event.clientX - rect.left) / rect.width)) : 0;
  };
  const finish = () => {
    if (drag && Math.abs(drag.to - drag.from) > LEAST_DRAG) {
      const [from = 0, to = 1] = [drag.from, drag.to].sort((a, b) => a - b);
      onZoom({ from: extent.from + length * from, to: extent.from + length * to });
    }
    setDrag(null);
  };
  return (
    <div
      ref={box}
      className={classes.timeAxis}
      title="Drag to look closer"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture?.(event.pointerId);
        setDrag({ from: shareOf(event), to: shareOf(event) });
      }}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: shareOf(event) })}
      onPointerUp={finish}
      onPointerCancel={() => setDrag(null)}
    >
      {drag && (
        <span
          className={classes.dragged}
          style={{
            left: `${Math.min(drag.from, drag.to) * 100}%`,
            width: `${Math.abs(drag.to - drag.from) * 100}%`,
          }}
        />
      )}
      {[0, 0.5, 1].map((share) => (
        <span key={share}>{formatDuration(Math.round(extent.from - start + length * share))}</span>
      ))}
    </div>
  );
}
