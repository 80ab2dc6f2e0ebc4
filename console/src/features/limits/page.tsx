import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import type { BudgetUse, Definition, LimitUse, RateUse } from "@/api/types";
import { SourceNote } from "@/components/definition/source-note";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useDefinitions } from "@/lib/definitions";
import { formatPercent } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./limits.module.css";
import { Meter, stateOfShare } from "./meter";
import { NewLimit } from "./new-limit";
import { useBudgets } from "./queries";
import { sayBound, sayForecast, saySpent, sayWhom } from "./words";

const route = getRouteApi("/app/limits");

export function LimitsPage() {
  const { create } = route.useSearch();
  const { may } = useSignedIn();
  return create && may("limits:write") ? <NewLimit /> : <LimitList />;
}

function LimitList() {
  const definitions = useDefinitions("limit");
  const budgets = useBudgets();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const { data, error, refetch } = definitions;
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const create = may("limits:write") && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: "/limits", search: { create: "yes" } })}
    >
      Create a limit
    </Button>
  );
  if (data.length === 0)
    return (
      <div className="card">
        <Empty title="Nothing is limited in this project." icon="limits">
          <p>
            A limit bounds requests, tokens, parallel calls or money of a project, a key, an end user or a
            tag. Write one here, or under <code>limits</code> in penstock.yaml.
          </p>
          {create}
        </Empty>
      </div>
    );
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Money counts in calendar windows, UTC; rates show their peak of the last hour.
        </p>
        {create}
      </div>
      {budgets.error && !budgets.data && (
        <Failure error={budgets.error} onRetry={() => void budgets.refetch()} />
      )}
      <ul className={`card ${classes.list}`}>
        {data.map((one) => (
          <LimitRow
            key={`${one.name} ${one.project}`}
            definition={one}
            use={one.served ? budgets.data?.find((use) => use.name === one.name) : undefined}
            loading={budgets.isPending}
          />
        ))}
      </ul>
    </div>
  );
}

interface LimitRowProps {
  definition: Definition;
  use: LimitUse | undefined;
  loading: boolean;
}

function LimitRow({ definition, use, loading }: LimitRowProps) {
  return (
    <li className={classes.limit}>
      <div className={classes.who}>
        <Link to="/limits/$name" params={{ name: definition.name }} search={{}} className={classes.name}>
          {definition.name}
        </Link>
        <div className="dim">{use ? sayWhom(use) : String(definition.definition.on ?? "")}</div>
        <div className={classes.source}>
          <SourceNote definition={definition} />
        </div>
      </div>
      <div className={classes.uses}>
        {use?.budgets.map((budget) => (
          <BudgetLine key={budget.window} budget={budget} />
        ))}
        {use?.rates.map((rate) => (
          <RateLine key={`${rate.measure} ${rate.window}`} rate={rate} />
        ))}
        {!use && loading && <Skeleton height={32} />}
        {!use && !loading && <span className="faint">What is used of it is not known.</span>}
      </div>
    </li>
  );
}

/** The counter that is nearest to its limit stands for all of them. */
function BudgetLine({ budget }: { budget: BudgetUse }) {
  const largest = budget.lines[0];
  const spent = largest?.spent ?? 0;
  const share = largest?.share ?? 0;
  const forecast = largest && sayForecast(largest.forecast, largest.state);
  const soft = budget.hard && budget.soft !== null ? budget.soft / budget.hard : null;
  return (
    <div className={classes.use}>
      <Meter
        share={share}
        soft={soft}
        state={largest?.state ?? "within"}
        label={`Budget per ${budget.window}`}
      />
      <span className={classes.percent}>{formatPercent(share)}</span>
      <div className={classes.said}>
        <b>{saySpent(spent, budget)}</b>
        {budget.counters > 1 && (
          <span className="dim">
            {largest?.who.name}, the largest of {budget.counters}
          </span>
        )}
        {forecast && <span className={forecast.bad ? "warn" : "dim"}>{forecast.text}</span>}
      </div>
    </div>
  );
}

function RateLine({ rate }: { rate: RateUse }) {
  return (
    <div className={classes.use}>
      <Meter share={rate.share} state={stateOfShare(rate.share)} label={sayBound(rate)} />
      <span className={classes.percent}>{formatPercent(rate.share)}</span>
      <div className={classes.said}>
        <span>{sayBound(rate)}</span>
        <span className="dim">
          peak {rate.peak.toLocaleString("en-US")}
          {rate.who?.name ? `, ${rate.who.name}` : ""}
        </span>
      </div>
    </div>
  );
}
