import { Link } from "@tanstack/react-router";
import type { Definition } from "@/api/types";
import { SourceNote } from "@/components/definition/source-note";
import { formatCompact, formatDuration, formatMoneyShort, formatPercent, NOTHING } from "@/lib/format";
import { leavesOf, readRoute, sayStrategy } from "@/lib/strategy";
import type { RouteTotals } from "./queries";
import classes from "./routes.module.css";

interface RouteTableProps {
  routes: readonly Definition[];
  /** Null while they are not known. */
  totals: ReadonlyMap<string, RouteTotals> | null;
}

export function RouteTable({ routes, totals }: RouteTableProps) {
  // Of two with one name the project's own comes first; the other is meant with `everywhere`.
  const hidden = new Set(
    routes.filter((one, index) => routes[index - 1]?.name === one.name && one.project === null),
  );
  return (
    <div className="card">
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Strategy</th>
            <th scope="col">Calls</th>
            <th scope="col">Errors</th>
            <th scope="col">p95</th>
            <th scope="col">Cost</th>
            <th scope="col">Written in</th>
          </tr>
        </thead>
        <tbody>
          {routes.map((one) => (
            <RouteRow
              key={`${one.name} ${one.project}`}
              route={one}
              totals={totals}
              hidden={hidden.has(one)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RouteRowProps {
  route: Definition;
  totals: ReadonlyMap<string, RouteTotals> | null;
  hidden: boolean;
}

function RouteRow({ route, totals, hidden }: RouteRowProps) {
  const { root } = readRoute(route.definition);
  const own = hidden ? undefined : totals?.get(route.name);
  const calls = own?.calls ?? 0;
  const leaves = leavesOf(root);
  const words = root.variant ? root.variant.models.join(" or ") : sayStrategy(root);
  return (
    <tr>
      <td data-label="Route">
        <Link
          to="/routes/$name"
          params={{ name: route.name }}
          search={hidden ? { everywhere: "yes" } : {}}
          className={classes.name}
        >
          {route.name}
        </Link>
        {hidden && <div className="faint">of all projects; this project has its own</div>}
      </td>
      <td data-label="Strategy">
        <span className={classes.kind}>{root.variant ? "one model" : root.kind}</span>{" "}
        <span className={classes.words} title={leaves.map(sayLeaf).join("\n")}>
          {words}
        </span>
      </td>
      <td data-label="Calls">{totals ? formatCompact(calls) : NOTHING}</td>
      <td data-label="Errors" className={own?.errors ? "bad" : "faint"}>
        {calls ? formatPercent((own?.errors ?? 0) / calls) : NOTHING}
      </td>
      <td data-label="p95">{formatDuration(own?.p95)}</td>
      <td data-label="Cost">{calls ? formatMoneyShort(own?.cost) : NOTHING}</td>
      <td data-label="Written in">
        <SourceNote definition={route} />
      </td>
    </tr>
  );
}

function sayLeaf({ variant }: { variant: { name: string; models: string[] } }): string {
  return `${variant.name}: ${variant.models.join(" or ")}`;
}
