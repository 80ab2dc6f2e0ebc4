import { Link } from "@tanstack/react-router";
import type { CacheUse } from "@/api/types";
import { formatCompact, formatMoneyShort, formatPercent } from "@/lib/format";
import classes from "./cache.module.css";

export function RouteTable({ routes }: { routes: CacheUse["routes"] }) {
  return (
    <section className="card" aria-label="By route">
      <div className="card-head">By route</div>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Route</th>
            <th scope="col">Asked</th>
            <th scope="col">Hits</th>
            <th scope="col">Joined</th>
            <th scope="col">Hit rate</th>
            <th scope="col">Saved</th>
          </tr>
        </thead>
        <tbody>
          {routes.map((one) => (
            <tr key={one.route}>
              <td>
                {one.route ? (
                  <Link to="/traces" search={{ filter: [`route:eq:${one.route}`] }}>
                    {one.route}
                  </Link>
                ) : (
                  <span className="dim">models called without a route</span>
                )}
              </td>
              <td>{formatCompact(one.asked)}</td>
              <td>{formatCompact(one.hits)}</td>
              <td>{formatCompact(one.joined)}</td>
              <td>{formatPercent(one.hit_rate)}</td>
              <td>{formatMoneyShort(one.saved)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
