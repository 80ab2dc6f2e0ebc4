import { Button, NativeSelect, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { AlertStateMark } from "@/components/alert-state";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import { OpenDialog } from "./open-dialog";
import { useIncidents } from "./queries";
import { type Incident, type IncidentState, STATES } from "./types";

const route = getRouteApi("/app/incidents");

export function IncidentsPage() {
  const { state } = route.useSearch();
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useIncidents(state);
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const [opening, setOpening] = useState(false);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const incidents = data.pages.flatMap((page) => page.items);
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <NativeSelect
          size="xs"
          aria-label="State"
          data={[{ value: "", label: "All states" }, ...STATES]}
          value={state ?? ""}
          onChange={(event) =>
            void navigate({
              to: "/incidents",
              search: { state: (event.currentTarget.value || undefined) as IncidentState | undefined },
            })
          }
        />
        <span className={classes.push} />
        {may("incidents:write") && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => setOpening(true)}>
            Open an incident
          </Button>
        )}
      </div>
      {incidents.length === 0 ? (
        <div className="card">
          <Empty title={state ? `No incident is ${state}.` : "There has been no incident."} icon="incidents">
            <p>An alert rule or an objective can open one by itself; or open one by hand.</p>
          </Empty>
        </div>
      ) : (
        <ul className={`card ${classes.list}`} aria-label="Incidents">
          {incidents.map((one) => (
            <Row key={one.id} incident={one} />
          ))}
        </ul>
      )}
      {hasNextPage && (
        <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Show older ones
        </Button>
      )}
      {opening && <OpenDialog onClose={() => setOpening(false)} />}
    </div>
  );
}

function Row({ incident }: { incident: Incident }) {
  const now = nowMicroseconds();
  return (
    <li>
      <AlertStateMark state={incident.state} />
      <div>
        <Link
          to="/incidents/$incident"
          params={{ incident: incident.id }}
          search={{}}
          className={classes.name}
        >
          #{incident.number} {incident.title}
        </Link>
        <div className={classes.said}>
          opened {formatAgo(incident.opened, now)} by {incident.opened_by}
          {incident.resolved ? `, resolved ${formatAgo(incident.resolved, now)}` : ""}
        </div>
      </div>
      <div className={classes.aside}>
        <span>{incident.owner ?? "nobody's"}</span>
        <b className={incident.severity === "sev1" ? classes.grave : undefined}>{incident.severity}</b>
      </div>
    </li>
  );
}
