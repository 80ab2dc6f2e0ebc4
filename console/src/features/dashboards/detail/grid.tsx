import { useRef } from "react";
import { boxOf, COLUMNS, moveWidget, withoutWidget } from "../layout";
import type { WidgetData } from "../queries";
import type { Widget } from "../types";
import classes from "./grid.module.css";
import { Handles } from "./handles";
import { WidgetCard } from "./widget-card";

interface GridProps {
  widgets: Widget[];
  filter: string;
  editing: boolean;
  onChange: (widgets: Widget[]) => void;
  onEdit: (index: number) => void;
  onData: (index: number, data: WidgetData | null) => void;
}

const ROW_PX = 62;

export function Grid({ widgets, filter, editing, onChange, onEdit, onData }: GridProps) {
  const grid = useRef<HTMLDivElement>(null);
  const cell = () => ({ width: (grid.current?.clientWidth ?? 1200) / COLUMNS, height: ROW_PX });
  const order = widgets.map((_, index) => index).sort((a, b) => place(widgets, a) - place(widgets, b));
  return (
    <div ref={grid} className={classes.grid}>
      {order.map((index) => {
        const widget = widgets[index] as Widget;
        const box = boxOf(widget);
        return (
          <div
            // Widgets have no id of their own; a title may come twice.
            key={index}
            className={classes.cell}
            data-type={widget.type}
            style={
              {
                "--column": `${box.x + 1} / span ${box.w}`,
                "--row": `${box.y + 1} / span ${box.h}`,
              } as React.CSSProperties
            }
          >
            <WidgetCard
              widget={widget}
              filter={filter}
              onData={(data) => onData(index, data)}
              handles={
                editing && (
                  <Handles
                    widget={widget}
                    cell={cell}
                    onBox={(next) => onChange(moveWidget(widgets, index, next))}
                    onEdit={() => onEdit(index)}
                    onRemove={() => onChange(withoutWidget(widgets, index))}
                  />
                )
              }
            />
          </div>
        );
      })}
    </div>
  );
}

function place(widgets: readonly Widget[], index: number): number {
  const box = boxOf(widgets[index] as Widget);
  return box.y * COLUMNS + box.x;
}
