import { Button, Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Definition } from "@/api/types";
import { DefinitionTab } from "@/components/definition/definition-tab";
import { DeleteDialog } from "@/components/definition/delete-dialog";
import { DefinitionHistory } from "@/components/definition/history";
import { SourceNote } from "@/components/definition/source-note";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useDefinition } from "@/lib/definitions";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import classes from "../limits.module.css";
import { useBudget } from "../queries";
import { LIMIT_TABS, type LimitTab } from "../search";
import { sayWhom } from "../words";
import { BudgetCard } from "./budget-card";
import { RateTable } from "./rate-table";

const route = getRouteApi("/app/limits/$name");

const LABELS: Record<LimitTab, string> = { use: "Use", definition: "Definition", history: "History" };

export function LimitPage() {
  const { name } = route.useParams();
  const { data, error, refetch } = useDefinition("limit", { name, everywhere: false });
  const navigate = useNavigate();
  useKeys({ escape: () => void navigate({ to: "/limits", search: {} }) });
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the limit" />;
  return <LimitBody definition={data} />;
}

function LimitBody({ definition }: { definition: Definition }) {
  const { tab = "use" } = route.useSearch();
  const navigate = useNavigate();
  const { may } = useSignedIn();
  const [deleting, setDeleting] = useState(false);
  const change = (next: LimitTab) =>
    void navigate({
      to: ".",
      search: (before: object) => ({ ...before, tab: next === "use" ? undefined : next }),
      replace: true,
    } as never);
  const toList = () => void navigate({ to: "/limits", search: {} });
  return (
    <div className={classes.page}>
      <div className={classes.titleLine}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<Icon name="back" size={14} />}
          onClick={toList}
        >
          Limits
        </Button>
        <h2 className={classes.title}>{definition.name}</h2>
        <span className={classes.push} />
        {may("limits:write") && definition.source === "api" && (
          <>
            {tab !== "definition" && (
              <Button size="compact-sm" variant="default" onClick={() => change("definition")}>
                Edit
              </Button>
            )}
            <Button size="compact-sm" variant="default" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          </>
        )}
      </div>
      {definition.problem && (
        <div className={classes.problem} role="note">
          <b>Not in force.</b> {definition.problem}
        </div>
      )}
      <Tabs value={tab} onChange={(value) => change(value as LimitTab)} keepMounted={false}>
        <Tabs.List>
          {LIMIT_TABS.map((id) => (
            <Tabs.Tab key={id} value={id} py={8} fz="sm">
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="use" pt={12}>
          <Use definition={definition} />
        </Tabs.Panel>
        <Tabs.Panel value="definition" pt={12}>
          <DefinitionTab kind="limit" definition={definition} onDone={() => change("use")} />
        </Tabs.Panel>
        <Tabs.Panel value="history" pt={12}>
          <div className="card">
            <DefinitionHistory kind="limit" definition={definition} />
          </div>
        </Tabs.Panel>
      </Tabs>
      {deleting && (
        <DeleteDialog
          kind="limit"
          definition={definition}
          consequence="What it bounds is no longer bounded within two seconds; what it counted is forgotten."
          onDeleted={toList}
          onClose={() => setDeleting(false)}
        />
      )}
    </div>
  );
}

function Use({ definition }: { definition: Definition }) {
  const { who } = route.useSearch();
  const { data, error, refetch } = useBudget(definition.name, who);
  const navigate = useNavigate();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={260} role="status" aria-label="Loading what is used" />;
  const choose = (next: string) =>
    void navigate({
      to: ".",
      search: (before: object) => ({ ...before, who: next || undefined }),
      replace: true,
    } as never);
  return (
    <div className={classes.page}>
      <p className={classes.lead}>
        Counts {sayWhom(data)}
        {data.project === null ? "" : ", of this project only"}. Written in{" "}
        <SourceNote definition={definition} />.
      </p>
      {data.budgets.map((budget) => (
        <BudgetCard key={budget.window} budget={budget} who={who} onWho={choose} />
      ))}
      {data.rates.length > 0 && <RateTable rates={data.rates} />}
    </div>
  );
}
