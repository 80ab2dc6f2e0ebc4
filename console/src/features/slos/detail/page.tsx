import { Button, NativeSelect, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { AlertStateMark } from "@/components/alert-state";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import watch from "@/components/watch.module.css";
import { History } from "@/features/alerts/history";
import { useHistory } from "@/features/alerts/queries";
import { formatCount } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { allOf, groupTerms } from "@/lib/metrics";
import { useSignedIn } from "@/lib/session";
import { BudgetCard, BurnTable } from "../budget-card";
import { SloEditor } from "../editor";
import { useSlo, useSloStatus, useSloWrites, useWorst } from "../queries";
import type { Slo, SloStatus } from "../types";
import { badOf, PERIODS, sayIndicator, sayObjective } from "../words";

const route = getRouteApi("/app/slos/$slo");

export function SloPage() {
  const { slo: id } = route.useParams();
  const { edit } = route.useSearch();
  const { data, error, refetch } = useSlo(id);
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const show = (search: { edit?: "yes" }) => void navigate({ to: "/slos/$slo", params: { slo: id }, search });
  useKeys({ escape: () => void navigate({ to: "/slos", search: {} }) }, edit === undefined);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the objective" />;
  if (edit && may("alerts:write"))
    return <SloEditor slo={data} onDone={() => show({})} onCancel={() => show({})} />;
  return <SloBody slo={data} onEdit={() => show({ edit: "yes" })} />;
}

function SloBody({ slo, onEdit }: { slo: Slo; onEdit: () => void }) {
  const { spec } = slo;
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const status = useSloStatus(slo.id);
  const history = useHistory(slo.id);
  const { remove } = useSloWrites();
  const [deleting, setDeleting] = useState(false);
  const toList = () => void navigate({ to: "/slos", search: {} });
  return (
    <div className={watch.page}>
      <div className={watch.bar}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<Icon name="back" size={14} />}
          onClick={toList}
        >
          SLOs
        </Button>
        <h2 className={watch.title}>{spec.name}</h2>
        <AlertStateMark state={slo.state} />
        <span className={watch.push} />
        {may("alerts:write") && (
          <>
            <Button size="compact-sm" variant="default" onClick={onEdit}>
              Edit
            </Button>
            <Button size="compact-sm" variant="default" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          </>
        )}
      </div>
      <p className={watch.lead}>
        {spec.description && <>{spec.description} </>}
        {sayObjective(spec.objective)} {sayIndicator(spec.indicator)}, {PERIODS[spec.period]}
        {spec.indicator.q && (
          <>
            , where <code>{spec.indicator.q}</code>
          </>
        )}
        .
      </p>
      {status.error && !status.data && <Failure error={status.error} onRetry={() => void status.refetch()} />}
      {!status.data && !status.error && (
        <Skeleton height={320} role="status" aria-label="Loading the budget" />
      )}
      {status.data && (
        <div className={watch.columns}>
          <BudgetCard status={status.data} />
          <div className={watch.stack}>
            <BurnTable status={status.data} />
            <Worst slo={slo} status={status.data} />
          </div>
        </div>
      )}
      {history.data && <History transitions={history.data} />}
      {deleting && (
        <ConfirmDialog
          title={`Delete ${spec.name}?`}
          text="Its budget is watched no more. Its history stays."
          action="Delete"
          loading={remove.isPending}
          onClose={() => setDeleting(false)}
          onConfirm={() => remove.mutate(slo.id, { onSuccess: toList })}
        />
      )}
    </div>
  );
}

const COLUMNS = ["model", "route", "key", "user", "error_type"];

/** Where the bad calls come from. */
function Worst({ slo, status }: { slo: Slo; status: SloStatus }) {
  const [column, setColumn] = useState("model");
  const { data, error } = useWorst(slo, status, column);
  const { indicator } = slo.spec;
  return (
    <section className="card" aria-label="Bad calls by group">
      <div className="card-head">
        Bad calls by
        <NativeSelect
          size="xs"
          aria-label="Group"
          data={COLUMNS}
          value={column}
          onChange={(event) => setColumn(event.currentTarget.value)}
        />
      </div>
      {error && <Failure error={error} />}
      {data?.series.length === 0 && <p className={watch.none}>None in this period.</p>}
      <ul className={watch.list} aria-label="Bad calls">
        {data?.series.map((series) => {
          const q = allOf(indicator.q, badOf(indicator), groupTerms([column], series.labels));
          const search = { q, from: status.from, to: status.to, range: undefined };
          return (
            <li key={series.labels.join()}>
              <Link to="/traces" search={search as never}>
                {series.labels[0] ?? "none"}
              </Link>
              <span />
              <b className="number">{formatCount(series.total.count)}</b>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
