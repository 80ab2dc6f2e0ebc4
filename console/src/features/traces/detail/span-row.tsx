import type { SpanRecord } from "@/api/types";
import { Icon } from "@/components/icons";
import { formatDuration, formatMoneyShort } from "@/lib/format";
import { barOf, type TreeRow } from "@/lib/span-tree";
import type { Extent } from "@/lib/zoom";
import classes from "./waterfall.module.css";

export const ROW = 30;
/** Past this depth the indent stops growing, or the names would have no room. */
const DEEPEST_INDENT = 8;

/** Share of the lane that a bar needs for its cost to stand in it or beside it. */
const ROOM_FOR_COST = 0.6;

interface SpanRowProps {
  row: TreeRow<SpanRecord>;
  top: number;
  extent: Extent;
  selected: boolean;
  folded: boolean;
  /** False where a search shows it only for what is below it. */
  hit: boolean;
  /** Share of it that lies on the critical path; null when that is not shown. */
  critical: number | null;
  onSelect: (id: string) => void;
  onToggle: (id: string) => void;
}

export function SpanRow({
  row,
  top,
  extent,
  selected,
  folded,
  hit,
  critical,
  onSelect,
  onToggle,
}: SpanRowProps) {
  const { span, depth, children } = row;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page's j and k move the selection.
    <div
      className={classes.span}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={selected}
      aria-expanded={children ? !folded : undefined}
      data-selected={selected || undefined}
      data-dimmed={!hit || critical === 0 || undefined}
      style={{ transform: `translateY(${top}px)`, height: ROW }}
      onClick={() => onSelect(span.span_id)}
    >
      <div className={classes.spanName} style={{ paddingLeft: 6 + Math.min(depth, DEEPEST_INDENT) * 14 }}>
        {children > 0 ? (
          <button
            type="button"
            className={classes.fold}
            tabIndex={-1}
            aria-label={folded ? "Unfold" : "Fold"}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(span.span_id);
            }}
          >
            <Icon name={folded ? "right" : "down"} size={12} />
          </button>
        ) : (
          <span className={classes.fold} />
        )}
        <span className={classes.kindMark} data-kind={span.kind} aria-hidden="true" />
        <span className="cut" title={`${span.kind}: ${span.name}`}>
          {span.name}
        </span>
        <span className={classes.kind}>{span.kind}</span>
        {span.covered && (
          <span className={classes.covered} title="Its tokens and cost are counted in the call below it.">
            counted below
          </span>
        )}
      </div>
      <Lane span={span} extent={extent} critical={critical} />
    </div>
  );
}

function Lane({ span, extent, critical }: { span: SpanRecord; extent: Extent; critical: number | null }) {
  const bar = barOf(span, extent);
  if (!bar) return <div className={classes.lane} />;
  return (
    <div className={classes.lane}>
      <span
        className={classes.spanBar}
        data-status={span.status}
        data-kind={span.kind}
        style={{ left: `${bar.left * 100}%`, width: `max(2px, ${bar.width * 100}%)` }}
        title={
          critical
            ? `${formatDuration(critical * span.duration)} of the trace's length are its own`
            : undefined
        }
      >
        {critical !== null && critical > 0 && (
          <span className={classes.criticalShare} style={{ width: `${Math.min(1, critical) * 100}%` }} />
        )}
      </span>
      <span
        className={classes.spanTime}
        data-kind={span.kind}
        data-status={span.status}
        style={labelPlace(bar)}
      >
        {formatDuration(span.duration)}
        {typeof span.cost === "number" && span.cost > 0 && bar.width > ROOM_FOR_COST && (
          <> · {formatMoneyShort(span.cost)}</>
        )}
      </span>
    </div>
  );
}

/** Beside the bar where there is room, else inside its end. */
function labelPlace(bar: { left: number; width: number }): React.CSSProperties {
  const end = bar.left + bar.width;
  if (end < 0.72) return { left: `calc(${end * 100}% + 5px)` };
  if (bar.width < 0.2) return { right: `calc(${(1 - bar.left) * 100}% + 5px)` };
  return { right: `calc(${(1 - end) * 100}% + 5px)`, color: "var(--on-bar)" };
}
