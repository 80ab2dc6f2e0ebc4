import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { AlertStateMark } from "@/components/alert-state";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { saySpan } from "@/features/alerts/words";
import { formatPercent } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { BudgetMeter, fastestBurn } from "./budget-meter";
import { SloEditor } from "./editor";
import { useSloStatus, useSlos } from "./queries";
import classes from "./slos.module.css";
import type { Slo } from "./types";
import { PERIODS, sayIndicator, sayObjective } from "./words";

const route = getRouteApi("/app/slos");

export function SlosPage() {
  const { create } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  if (create && may("alerts:write"))
    return (
      <SloEditor
        slo={null}
        onDone={(id) => void navigate({ to: "/slos/$slo", params: { slo: id }, search: {} })}
        onCancel={() => void navigate({ to: "/slos", search: {} })}
      />
    );
  return <SloList />;
}

function SloList() {
  const { data, error, refetch } = useSlos();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const create = may("alerts:write") && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: "/slos", search: { create: "yes" } })}
    >
      Create an objective
    </Button>
  );
  if (data.length === 0)
    return (
      <div className="card">
        <Empty title="This project has no objectives." icon="slos">
          <p>
            An objective says which share of calls must be good: answered, quick, cheap, judged well. What may
            be bad is its error budget; you are told when it goes too fast.
          </p>
          {create}
        </Empty>
      </div>
    );
  return (
    <div className={watch.page}>
      <div className={watch.bar}>
        <p className={watch.lead}>A burn rate of 1 uses exactly the whole budget by the end of the period.</p>
        {create}
      </div>
      <ul className={`card ${classes.list}`} aria-label="Objectives">
        {data.map((slo) => (
          <Row key={slo.id} slo={slo} />
        ))}
      </ul>
    </div>
  );
}

function Row({ slo }: { slo: Slo }) {
  const { data: status, error } = useSloStatus(slo.id, 2);
  const burn = status && fastestBurn(status);
  return (
    <li className={classes.row}>
      <AlertStateMark state={slo.state} />
      <div>
        <Link to="/slos/$slo" params={{ slo: slo.id }} search={{}} className={watch.name}>
          {slo.spec.name}
        </Link>
        <div className={watch.said}>
          {sayObjective(slo.spec.objective)} {sayIndicator(slo.spec.indicator)}, {PERIODS[slo.spec.period]}
          {slo.spec.indicator.q && (
            <>
              {" "}
              where <code>{slo.spec.indicator.q}</code>
            </>
          )}
        </div>
        {status && (
          <div className={watch.said}>
            now {formatPercent(status.share)}
            {burn && `, burns ×${burn.rate.toFixed(1)} over ${saySpan(burn.long)}`}
          </div>
        )}
      </div>
      {status ? (
        <BudgetMeter status={status} />
      ) : error ? (
        <span className="bad">{error.message}</span>
      ) : (
        <Skeleton height={28} />
      )}
    </li>
  );
}
