import { Link } from "@tanstack/react-router";
import { formatWorth, worthOfValue } from "@/components/estimate";
import { allOf } from "@/lib/metrics";
import { type Line, linesOf } from "../chart-lines";
import classes from "./widget.module.css";
import type { BodyProps } from "./widget-body";

/** The window's one value, and how it went. */
export function NumberBody({ widget, data, filter, linked }: BodyProps) {
  const { lines } = linesOf(widget, data);
  return (
    <div className={classes.numbers}>
      {lines.map((line) => (
        <div key={line.name} className={classes.numberOf}>
          <Value line={line} filter={filter} window={data.window} linked={linked} />
          {lines.length > 1 && <span className="dim">{line.name}</span>}
          <Spark values={line.values} />
        </div>
      ))}
    </div>
  );
}

interface ValueProps {
  line: Line;
  filter: string;
  window: { from: number; to: number };
  linked: boolean;
}

function Value({ line, filter, window, linked }: ValueProps) {
  const text = formatWorth(line.total, line.totalMargin, line.unit);
  const worth = worthOfValue(line.sample, line.totalMargin, line.unit);
  if (!linked)
    return (
      <span className={classes.big} title={worth}>
        {text}
      </span>
    );
  const search = { q: allOf(filter, line.q) || undefined, ...window, range: undefined };
  return (
    <Link
      to="/traces"
      search={search as never}
      className={classes.big}
      title={worth ?? "The traces behind it"}
    >
      {text}
    </Link>
  );
}

const [WIDTH, HEIGHT] = [100, 24];

function Spark({ values }: { values: (number | null)[] }) {
  const known = values.filter((value) => value !== null);
  if (known.length < 3) return null;
  const top = Math.max(...known) || 1;
  const step = WIDTH / Math.max(1, values.length - 1);
  let gap = true;
  const path = values
    .map((value, index) => {
      if (value === null) {
        gap = true;
        return "";
      }
      const point = `${gap ? "M" : "L"}${(index * step).toFixed(1)} ${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`;
      gap = false;
      return point;
    })
    .join("");
  return (
    <svg
      className={classes.spark}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path d={path} fill="none" stroke="currentColor" strokeWidth={1.4} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
