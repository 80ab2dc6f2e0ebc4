import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { useDefinitions } from "@/lib/definitions";
import { useSignedIn } from "@/lib/session";
import { NewRoute } from "./new-route";
import { useRouteTotals } from "./queries";
import { RouteTable } from "./route-table";
import classes from "./routes.module.css";

const route = getRouteApi("/app/routes");

export function RoutesPage() {
  const { create } = route.useSearch();
  const { may } = useSignedIn();
  return create && may("routes:write") ? <NewRoute /> : <RouteList />;
}

function RouteList() {
  const { data, error, refetch } = useDefinitions("route");
  const totals = useRouteTotals((data ?? []).map((one) => one.name));
  const { may } = useSignedIn();
  const navigate = useNavigate();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const create = may("routes:write") && (
    <Button
      size="xs"
      leftSection={<Icon name="plus" size={14} />}
      onClick={() => void navigate({ to: "/routes", search: { create: "yes" } })}
    >
      Create a route
    </Button>
  );
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Applications call a route as their <code>model</code>; what stands behind it may change under them.
        </p>
        {data.length > 0 && create}
      </div>
      {data.length === 0 ? (
        <div className="card">
          <Empty title="No routes in this project." icon="routes">
            <p>
              A route puts one name before several models: by weight, in order of preference, by rule, cheap
              first, with a copy to a candidate. Write one here, or under <code>routes</code> in
              penstock.yaml.
            </p>
            {create || (
              <p>
                Your role may not create routes. Ask an editor, or call a model from{" "}
                <Link to="/models" search={{}}>
                  Models
                </Link>{" "}
                directly.
              </p>
            )}
          </Empty>
        </div>
      ) : (
        <RouteTable routes={data} totals={totals} />
      )}
    </div>
  );
}
