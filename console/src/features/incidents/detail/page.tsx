import { Button, NativeSelect, Skeleton, Tabs, TextInput } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { AlertStateMark } from "@/components/alert-state";
import { Fact, Facts } from "@/components/facts";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { formatDuration, formatMinute } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { useIncident, useIncidentWrites } from "../queries";
import {
  type Incident,
  type IncidentSeverity,
  type IncidentState,
  type IncidentView,
  SEVERITIES,
  STATES,
} from "../types";
import { Postmortem } from "./postmortem";
import { Steps } from "./steps";
import { Timeline } from "./timeline";

const route = getRouteApi("/app/incidents/$incident");

export function IncidentPage() {
  const { incident: id } = route.useParams();
  const { data, error, refetch } = useIncident(id);
  const navigate = useNavigate();
  useKeys({ escape: () => void navigate({ to: "/incidents", search: {} }) });
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the incident" />;
  return <IncidentBody view={data} />;
}

function IncidentBody({ view }: { view: IncidentView }) {
  const { incident } = view;
  const navigate = useNavigate();
  const { may } = useSignedIn();
  const writer = may("incidents:write");
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<Icon name="back" size={14} />}
          onClick={() => void navigate({ to: "/incidents", search: {} })}
        >
          Incidents
        </Button>
        <h2 className={classes.title}>
          #{incident.number} {incident.title}
        </h2>
        <AlertStateMark state={incident.state} />
      </div>
      <Head incident={incident} writer={writer} />
      <Tabs defaultValue="timeline" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="timeline" py={8} fz="sm">
            Timeline
          </Tabs.Tab>
          <Tabs.Tab value="postmortem" py={8} fz="sm">
            Post-mortem
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="timeline" pt={12}>
          <div className={classes.columns}>
            <Timeline view={view} writer={writer} />
            <div className={classes.stack}>
              <Steps incident={incident} writer={writer} />
              <Examples traces={view.traces} />
            </div>
          </div>
        </Tabs.Panel>
        <Tabs.Panel value="postmortem" pt={12}>
          <Postmortem incident={incident} />
        </Tabs.Panel>
      </Tabs>
    </div>
  );
}

function Head({ incident, writer }: { incident: Incident; writer: boolean }) {
  const { change } = useIncidentWrites();
  const [owner, setOwner] = useState(incident.owner ?? "");
  const set = (next: { state?: IncidentState; severity?: IncidentSeverity; owner?: string }) =>
    change.mutate({ id: incident.id, change: next });
  const lasted = incident.resolved ? incident.resolved - incident.opened : null;
  return (
    <>
      <div className={classes.bar}>
        {writer && (
          <>
            <NativeSelect
              size="xs"
              aria-label="State"
              data={STATES}
              value={incident.state}
              onChange={(event) => set({ state: event.currentTarget.value as IncidentState })}
            />
            <NativeSelect
              size="xs"
              aria-label="Severity"
              data={SEVERITIES}
              value={incident.severity}
              onChange={(event) => set({ severity: event.currentTarget.value as IncidentSeverity })}
            />
            <TextInput
              size="xs"
              aria-label="Owner"
              placeholder="nobody's yet"
              value={owner}
              onChange={(event) => setOwner(event.currentTarget.value)}
              onBlur={() => owner.trim() !== (incident.owner ?? "") && set({ owner: owner.trim() })}
              onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
            />
          </>
        )}
        {incident.runbook && (
          <a href={incident.runbook} target="_blank" rel="noopener noreferrer nofollow">
            Run book
          </a>
        )}
      </div>
      {change.error && <Failure error={change.error} />}
      {incident.summary && <p className={classes.lead}>{incident.summary}</p>}
      <Facts>
        <Fact label="Opened">
          {formatMinute(incident.opened)}, {incident.opened_by}
        </Fact>
        {!writer && <Fact label="Severity">{incident.severity}</Fact>}
        {!writer && <Fact label="Owner">{incident.owner ?? "nobody"}</Fact>}
        {incident.acknowledged && <Fact label="Acknowledged">{formatMinute(incident.acknowledged)}</Fact>}
        {incident.mitigated && <Fact label="Mitigated">{formatMinute(incident.mitigated)}</Fact>}
        {incident.resolved && <Fact label="Resolved">{formatMinute(incident.resolved)}</Fact>}
        {lasted !== null && <Fact label="Lasted">{formatDuration(lasted)}</Fact>}
      </Facts>
    </>
  );
}

function Examples({ traces }: { traces: string[] }) {
  return (
    <section className="card" aria-label="Example traces">
      <div className="card-head">Example traces</div>
      {traces.length === 0 && <p className={classes.none}>None yet. Add one with a note.</p>}
      {traces.map((trace) => (
        <p key={trace} className={classes.none}>
          <Link to="/traces/$traceId" params={{ traceId: trace }} search={{}} className="mono">
            {trace.slice(0, 16)}…
          </Link>
        </p>
      ))}
    </section>
  );
}
