import { Button, Skeleton } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { AlertStateMark } from "@/components/alert-state";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import classes from "@/components/watch.module.css";
import { useKeys } from "@/lib/keys";
import { useSignedIn } from "@/lib/session";
import { RuleEditor } from "../editor/rule-editor";
import { History } from "../history";
import { useHistory, useRule, useRuleWrites, useStates } from "../queries";
import { RuleChart } from "../rule-chart";
import { StateList } from "../state-list";
import type { AlertRule } from "../types";
import { sayRule } from "../words";

const route = getRouteApi("/app/alerts/$rule");

export function AlertPage() {
  const { rule: id } = route.useParams();
  const { edit } = route.useSearch();
  const { data, error, refetch } = useRule(id);
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const show = (next: { edit?: "yes" }) =>
    void navigate({ to: "/alerts/$rule", params: { rule: id }, search: next });
  useKeys({ escape: () => void navigate({ to: "/alerts", search: {} }) }, edit === undefined);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={320} role="status" aria-label="Loading the rule" />;
  if (edit && may("alerts:write"))
    return <RuleEditor rule={data} onDone={() => show({})} onCancel={() => show({})} />;
  return <RuleBody rule={data} onEdit={() => show({ edit: "yes" })} />;
}

function RuleBody({ rule, onEdit }: { rule: AlertRule; onEdit: () => void }) {
  const { may } = useSignedIn();
  const navigate = useNavigate();
  const { remove } = useRuleWrites();
  const states = useStates(rule.id);
  const history = useHistory(rule.id);
  const [deleting, setDeleting] = useState(false);
  const toList = () => void navigate({ to: "/alerts", search: {} });
  const { spec } = rule;
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<Icon name="back" size={14} />}
          onClick={toList}
        >
          Alerts
        </Button>
        <h2 className={classes.title}>{spec.name}</h2>
        <AlertStateMark state={rule.state} />
        <span className="dim">{spec.severity}</span>
        <span className={classes.push} />
        {spec.runbook && (
          <a href={spec.runbook} target="_blank" rel="noopener noreferrer nofollow">
            Run book
          </a>
        )}
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
      <p className={classes.lead}>
        {spec.description && <>{spec.description} </>}
        {sayRule(spec)}.
      </p>
      {rule.error && (
        <p className={classes.grave} role="alert">
          The last evaluation failed: {rule.error}
        </p>
      )}
      <div className={classes.columns}>
        <RuleChart spec={spec} />
        <StateList title="Groups now" states={states.data ?? []} />
      </div>
      {history.data && <History transitions={history.data} />}
      {deleting && (
        <ConfirmDialog
          title={`Delete ${spec.name}?`}
          text="It is watched no more. Its history stays."
          action="Delete"
          loading={remove.isPending}
          onClose={() => setDeleting(false)}
          onConfirm={() => remove.mutate(rule.id, { onSuccess: toList })}
        />
      )}
    </div>
  );
}
