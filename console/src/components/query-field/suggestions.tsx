import { formatCompact } from "@/lib/format";
import classes from "./query-field.module.css";
import type { Suggestion } from "./use-suggestions";

interface SuggestionsProps {
  id: string;
  items: readonly Suggestion[];
  /** Which is chosen; -1 for none. */
  at: number;
  onPoint: (at: number) => void;
  onAccept: (item: Suggestion) => void;
}

/** What may stand at the caret. The keyboard stays in the field; the mouse must not take it away. */
export function Suggestions({ id, items, at, onPoint, onAccept }: SuggestionsProps) {
  if (items.length === 0) return null;
  return (
    <div id={id} role="listbox" aria-label="Suggestions" className={classes.list}>
      {items.map((item, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field's keys move and choose.
        <div
          key={`${item.label} ${item.insert}`}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === at}
          className={classes.item}
          ref={(node) => {
            if (node && index === at) node.scrollIntoView?.({ block: "nearest" });
          }}
          onMouseDown={(event) => event.preventDefault()}
          onMouseMove={() => onPoint(index)}
          onClick={() => onAccept(item)}
        >
          <span className={`cut ${classes.label}`}>{item.label}</span>
          {item.about && <span className={`cut ${classes.about}`}>{item.about}</span>}
          {item.count !== null && <span className={classes.count}>{formatCompact(item.count)}</span>}
        </div>
      ))}
      <div className={classes.foot}>
        <kbd>↑↓</kbd> choose <kbd>Tab</kbd> take <kbd>Enter</kbd> search
      </div>
    </div>
  );
}
