import { ActionIcon } from "@mantine/core";
import { useRef } from "react";
import { Icon } from "@/components/icons";
import { boxOf } from "../layout";
import type { Box, Widget } from "../types";
import classes from "./widget.module.css";

interface HandlesProps {
  widget: Widget;
  /** Size of a cell of the grid, in pixels. */
  cell: () => { width: number; height: number };
  onBox: (box: Box) => void;
  onEdit: () => void;
  onRemove: () => void;
}

const KEYS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Move, resize, change, remove; by pointer or, on the focused handle, by arrow keys. */
export function Handles({ widget, cell, onBox, onEdit, onRemove }: HandlesProps) {
  const box = boxOf(widget);
  const moved = (x: number, y: number): Box => ({ ...box, x: box.x + x, y: box.y + y });
  const resized = (x: number, y: number): Box => ({ ...box, w: box.w + x, h: box.h + y });
  const move = useDrag(cell, box, (start, x, y) => onBox({ ...start, x: start.x + x, y: start.y + y }));
  const resize = useDrag(cell, box, (start, x, y) => onBox({ ...start, w: start.w + x, h: start.h + y }));
  const onKeys = (change: (x: number, y: number) => Box) => (event: React.KeyboardEvent) => {
    const step = KEYS[event.key];
    if (!step) return;
    event.preventDefault();
    onBox(change(...step));
  };
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        className={classes.grip}
        aria-label={`Move ${widget.title}; arrow keys move it`}
        onKeyDown={onKeys(moved)}
        {...move}
      >
        <Icon name="group" size={13} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={`Change ${widget.title}`}
        onClick={onEdit}
      >
        <Icon name="tool" size={13} />
      </ActionIcon>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={`Remove ${widget.title}`}
        onClick={onRemove}
      >
        <Icon name="trash" size={13} />
      </ActionIcon>
      <button
        type="button"
        className={classes.corner}
        aria-label={`Resize ${widget.title}; arrow keys resize it`}
        onKeyDown={onKeys(resized)}
        {...resize}
      />
    </>
  );
}

/** Calls `onStep` with the whole cells that the pointer went since it was pressed. */
function useDrag(
  cell: HandlesProps["cell"],
  box: Box,
  onStep: (start: Box, x: number, y: number) => void,
): Pick<React.DOMAttributes<HTMLElement>, "onPointerDown" | "onPointerMove" | "onPointerUp"> {
  const drag = useRef<{ x: number; y: number; box: Box; last: string } | null>(null);
  return {
    onPointerDown: (event) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      drag.current = { x: event.clientX, y: event.clientY, box, last: "0 0" };
    },
    onPointerMove: (event) => {
      const from = drag.current;
      if (!from) return;
      const size = cell();
      const x = Math.round((event.clientX - from.x) / size.width);
      const y = Math.round((event.clientY - from.y) / size.height);
      if (from.last === `${x} ${y}`) return;
      from.last = `${x} ${y}`;
      onStep(from.box, x, y);
    },
    onPointerUp: () => {
      drag.current = null;
    },
  };
}
