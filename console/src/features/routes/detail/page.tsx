import { Button, Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem } from "@/api/problem";
import type { Definition } from "@/api/types";
import { DefinitionTab } from "@/components/definition/definition-tab";
import { DeleteDialog } from "@/components/definition/delete-dialog";
import { DefinitionHistory } from "@/components/definition/history";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useDefinition } from "@/lib/definitions";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { readRoute } from "@/lib/strategy";
import { useTargetHealth } from "@/lib/workers";
import { FlowPreview } from "../flow-preview";
import { useRouteStats } from "../queries";
import { ROUTE_TABS, type RouteTab } from "../search";
import classes from "./detail.module.css";
import { Flow } from "./flow";
import { RouteFacts } from "./route-facts";
import { VariantTable } from "./variant-table";

const route = getRouteApi("/app/routes/$name");

const LABELS: Record<RouteTab, string> = { flow: "Traffic", definition: "Definition", history: "History" };

export function RoutePage() {
  const { name } = route.useParams();
  const { everywhere } = route.useSearch();
  const { data, error, refetch } = useDefinition("route", { name, everywhere: everywhere === "yes" });
  const navigate = useNavigate();
  useKeys({ escape: () => void navigate({ to: "/routes", search: {} }) });
  if (!data && error instanceof ApiProblem && error.status === 404) return <NoRoute name={name} />;
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the route" />;
  return <RouteBody definition={data} />;
}

/** A name from a trace may be an alias, or a route that was deleted since. */
function NoRoute({ name }: { name: string }) {
  return (
    <div className="card">
      <Empty title={`There is no route ${name} in this project.`} icon="routes">
        <p>
          It may have been deleted, or be an alias, which{" "}
          <Link to="/models" search={{}}>
            Models
          </Link>{" "}
          lists. Its{" "}
          <Link to="/traces" search={{ filter: [`route:eq:${name}`] }}>
            calls
          </Link>{" "}
          stay.
        </p>
      </Empty>
    </div>
  );
}

function RouteBody({ definition }: { definition: Definition }) {
  const { tab = "flow" } = route.useSearch();
  const navigate = useNavigate();
  const [deleting, setDeleting] = useState(false);
  const { may } = useSignedIn();
  const change = (next: RouteTab) =>
    void navigate({
      to: ".",
      search: (before: object) => ({ ...before, tab: next === "flow" ? undefined : next }),
      replace: true,
    } as never);
  const toList = () => void navigate({ to: "/routes", search: {} });
  const mayWrite = may("routes:write") && definition.source === "api";
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
          Routes
        </Button>
        <h2 className={classes.title}>{definition.name}</h2>
        <span className={classes.push} />
        {mayWrite && (
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
      <Tabs value={tab} onChange={(value) => change(value as RouteTab)} keepMounted={false}>
        <Tabs.List>
          {ROUTE_TABS.map((id) => (
            <Tabs.Tab key={id} value={id} py={8} fz="sm">
              {LABELS[id]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="flow" pt={12}>
          <Traffic definition={definition} />
        </Tabs.Panel>
        <Tabs.Panel value="definition" pt={12}>
          <DefinitionTab
            kind="route"
            definition={definition}
            preview={(body) => <FlowPreview definition={body} />}
            onDone={() => change("flow")}
          />
        </Tabs.Panel>
        <Tabs.Panel value="history" pt={12}>
          <div className="card">
            <DefinitionHistory kind="route" definition={definition} />
          </div>
        </Tabs.Panel>
      </Tabs>
      {deleting && (
        <DeleteDialog
          kind="route"
          definition={definition}
          consequence={`Calls to ${definition.name} are refused within two seconds, with 404.`}
          onDeleted={toList}
          onClose={() => setDeleting(false)}
        />
      )}
    </div>
  );
}

function Traffic({ definition }: { definition: Definition }) {
  const everywhere = definition.project === null;
  const { data: stats, error } = useRouteStats(definition.name, everywhere);
  const health = useTargetHealth();
  const shape = readRoute(definition.definition);
  return (
    <div className={classes.page}>
      <RouteFacts definition={definition} stats={stats} />
      {error && !stats && <Failure error={error} />}
      <section className="card" aria-label="How calls flow">
        <div className="card-head">
          How calls flow <span className={classes.push} />
          <Legend />
        </div>
        <Flow root={shape.root} stats={stats} health={health} />
      </section>
      <VariantTable route={definition.name} shape={shape} stats={stats} health={health} />
    </div>
  );
}

function Legend() {
  return (
    <ul className={classes.legend}>
      <li data-way="serves">serves</li>
      <li data-way="stands by">stands by</li>
      <li data-way="copies">gets a copy</li>
    </ul>
  );
}
