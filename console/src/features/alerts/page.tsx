import { Button, Skeleton, Tabs } from "@mantine/core";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { AlertStateMark } from "@/components/alert-state";
import { Empty } from "@/components/empty";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { useSignedIn } from "@/lib/session";
import { Channels } from "./channels";
import { RuleEditor } from "./editor/rule-editor";
import { History } from "./history";
import { Policy } from "./policy";
import { useHistory, useRules, useStates } from "./queries";
import { ALERT_TABS, type AlertTab } from "./search";
import { Silences } from "./silences";
import { StateList } from "./state-list";
import { type AlertRule, STATE_ORDER } from "./types";
import { sayRule } from "./words";

const route = getRouteApi("/app/alerts");
const LABELS: Record<AlertTab, string> = {
  rules: "Rules",
  history: "History",
  silences: "Silences",
  channels: "Channels",
  policy: "Notifications",
};

export function AlertsPage() {
  const { tab = "rules", create } = route.useSearch();
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const go = (search: { tab?: AlertTab; create?: "yes" }) => void navigate({ to: "/alerts", search });
  if (create && may("alerts:write"))
    return (
      <RuleEditor
        rule={null}
        onDone={(id) => void navigate({ to: "/alerts/$rule", params: { rule: id }, search: {} })}
        onCancel={() => go({})}
      />
    );
  return (
    <Tabs value={tab} onChange={(value) => go({ tab: value as AlertTab })} keepMounted={false}>
      <Tabs.List>
        {ALERT_TABS.map((id) => (
          <Tabs.Tab key={id} value={id} py={8} fz="sm">
            {LABELS[id]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="rules" pt={12}>
        <Rules onCreate={() => go({ create: "yes" })} />
      </Tabs.Panel>
      <Tabs.Panel value="history" pt={12}>
        <AllHistory />
      </Tabs.Panel>
      <Tabs.Panel value="silences" pt={12}>
        <Silences />
      </Tabs.Panel>
      <Tabs.Panel value="channels" pt={12}>
        <Channels />
      </Tabs.Panel>
      <Tabs.Panel value="policy" pt={12}>
        <Policy />
      </Tabs.Panel>
    </Tabs>
  );
}

function AllHistory() {
  const { data, error, refetch } = useHistory();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  return <History transitions={data} named />;
}

function Rules({ onCreate }: { onCreate: () => void }) {
  const { data, error, refetch } = useRules();
  const active = useStates();
  const { may } = useSignedIn();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const create = may("alerts:write") && (
    <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={onCreate}>
      Create a rule
    </Button>
  );
  if (data.length === 0)
    return (
      <div className="card">
        <Empty title="Nothing is watched in this project." icon="alerts">
          <p>
            A rule watches any metric and tells people when it is wrong. It can be tried on the last days
            before it is saved.
          </p>
          {create}
        </Empty>
      </div>
    );
  const rank = (rule: AlertRule) => STATE_ORDER.indexOf(rule.state);
  const rules = [...data].sort((a, b) => rank(a) - rank(b) || a.spec.name.localeCompare(b.spec.name));
  const firing = data.filter((rule) => rule.firing > 0).length;
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          {firing === 0
            ? "Nothing fires."
            : `${firing} of ${data.length} rules ${firing === 1 ? "fires" : "fire"}.`}
        </p>
        {create}
      </div>
      {active.data && active.data.length > 0 && <StateList title="Firing now" states={active.data} named />}
      <ul className={`card ${classes.list}`} aria-label="Rules">
        {rules.map((rule) => (
          <li key={rule.id}>
            <AlertStateMark state={rule.state} />
            <div>
              <Link to="/alerts/$rule" params={{ rule: rule.id }} search={{}} className={classes.name}>
                {rule.spec.name}
              </Link>
              <div className={classes.said}>{rule.error ?? sayRule(rule.spec)}</div>
            </div>
            <div className={classes.aside}>
              {rule.firing > 1 && <span>{rule.firing} groups</span>}
              {rule.spec.enabled === false && <span>off</span>}
              <span>{rule.spec.severity}</span>
            </div>
          </li>
        ))}
      </ul>
    </div>
  );
}
