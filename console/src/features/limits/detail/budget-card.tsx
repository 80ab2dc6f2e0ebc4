import { Link } from "@tanstack/react-router";
import type { BudgetUse, SpendLine } from "@/api/types";
import { formatMinute, formatMoney, formatMoneyShort, formatPercent, NOTHING } from "@/lib/format";
import classes from "../limits.module.css";
import { Meter } from "../meter";
import { sayForecast } from "../words";
import { BurnDown } from "./burn-down";
import { SpenderTables } from "./spender-tables";

interface BudgetCardProps {
  budget: BudgetUse;
  who: string | undefined;
  onWho: (who: string) => void;
}

/** One budget in its current window: how it burns down, where that leads, and who spends. */
export function BudgetCard({ budget, who, onWho }: BudgetCardProps) {
  const line = budget.lines.find((one) => one.who.id === who) ?? budget.lines[0];
  return (
    <section className="card" aria-label={`Budget per ${budget.window}`}>
      <div className="card-head">
        Money per {budget.window}
        <span className={classes.hint}>
          {formatMinute(budget.start)} to {formatMinute(budget.end)}
        </span>
      </div>
      {line ? (
        <div className={classes.budget}>
          {budget.counters > 1 && <Counters budget={budget} chosen={line} onWho={onWho} />}
          <LineFacts budget={budget} line={line} />
          <BurnDown budget={budget} line={line} />
          {line.spenders && <SpenderTables spenders={line.spenders} total={line.spent} />}
        </div>
      ) : (
        <p className={classes.none}>
          Nothing was spent in this {budget.window} yet. Of each counter{" "}
          {formatMoney(budget.hard ?? budget.soft)} is left.
        </p>
      )}
    </section>
  );
}

function LineFacts({ budget, line }: { budget: BudgetUse; line: SpendLine }) {
  const forecast = sayForecast(line.forecast, line.state);
  const limit = budget.hard ?? budget.soft;
  return (
    <>
      <dl className={classes.facts}>
        <div>
          <dt>Spent{budget.counters > 1 ? ` by ${line.who.name || line.who.id}` : ""}</dt>
          <dd>{formatMoney(line.spent)}</dd>
        </div>
        <div>
          <dt>{budget.hard === null ? "Soft limit" : "Hard limit"}</dt>
          <dd>{formatMoney(limit)}</dd>
        </div>
        {budget.hard !== null && budget.soft !== null && (
          <div>
            <dt>Soft limit</dt>
            <dd>{formatMoney(budget.soft)}</dd>
          </div>
        )}
        <div>
          <dt>Left</dt>
          <dd className={line.state === "hard" ? "bad" : undefined}>
            {limit === null ? NOTHING : formatMoney(Math.max(0, limit - line.spent))}
          </dd>
        </div>
        <div>
          <dt>Forecast</dt>
          <dd>{formatMoneyShort(line.forecast.expected)}</dd>
        </div>
      </dl>
      <p className={forecast.bad ? classes.alarm : classes.calm}>
        {forecast.text.charAt(0).toUpperCase() + forecast.text.slice(1)}.{" "}
        <span className="faint">{line.forecast.explanation}</span>
        {line.unknown > 0 && (
          <span className="warn">
            {" "}
            {line.unknown} {line.unknown === 1 ? "request" : "requests"} of unknown cost are not counted.
          </span>
        )}
      </p>
    </>
  );
}

interface CountersProps {
  budget: BudgetUse;
  chosen: SpendLine;
  onWho: (who: string) => void;
}

/** A budget that counts each key, user or project by itself: one line each, the fullest first. */
function Counters({ budget, chosen, onWho }: CountersProps) {
  const soft = budget.hard && budget.soft !== null ? budget.soft / budget.hard : null;
  return (
    <div className={classes.counters}>
      <ul>
        {budget.lines.map((line) => (
          <li key={line.counter}>
            <button
              type="button"
              aria-pressed={line.counter === chosen.counter}
              onClick={() => onWho(line.who.id)}
            >
              <span className="cut" title={line.who.id}>
                {line.who.name || line.who.id}
              </span>
              <Meter
                share={line.share ?? 0}
                soft={soft}
                state={line.state}
                label={`Spent by ${line.who.name || line.who.id}`}
              />
              <span>{formatPercent(line.share)}</span>
              <span>{formatMoneyShort(line.spent)}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="faint">
        {budget.counters > budget.lines.length &&
          `The largest ${budget.lines.length} of ${budget.counters}. `}
        {formatMoney(budget.spent)} together.{" "}
        {chosen.who.level === "key" && (
          <Link to="/traces" search={{ filter: [`key:eq:${chosen.who.id}`] }}>
            Calls of {chosen.who.name || chosen.who.id}
          </Link>
        )}
        {chosen.who.level === "user" && (
          <Link to="/traces" search={{ filter: [`user:eq:${chosen.who.id}`] }}>
            Calls of this user
          </Link>
        )}
      </p>
    </div>
  );
}
