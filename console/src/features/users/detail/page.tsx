/** One end user: what they did, what it cost, how it was judged. */

import { ActionIcon, Button, Skeleton } from "@mantine/core";
import { getRouteApi, useCanGoBack, useNavigate, useRouter } from "@tanstack/react-router";
import type { ActivityView } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { EraseButton } from "@/components/erase";
import { Fact, Facts } from "@/components/facts";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { formatCount, formatMoney, formatTime } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { termOf } from "@/lib/query-text";
import { useUser } from "../queries";
import { UserCalls } from "./calls";
import { UserCharts } from "./charts";
import { UserSessions } from "./sessions";
import classes from "./user.module.css";

const route = getRouteApi("/app/users/$user");

export function UserPage() {
  const { user } = route.useParams();
  const { data, error, refetch } = useUser(user);
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data)
    return (
      <div role="status" aria-label="Loading the user">
        <Skeleton height={70} mb={12} />
        <Skeleton height={320} />
      </div>
    );
  return <UserBody key={user} view={data} />;
}

function UserBody({ view: { of: row, rows } }: { view: ActivityView }) {
  const router = useRouter();
  const navigate = useNavigate();
  const canGoBack = useCanGoBack();
  const back = () => {
    if (canGoBack) router.history.back();
    else void navigate({ to: "/users", search: {} });
  };
  useKeys({ escape: back });
  return (
    <div className={classes.page}>
      <header className={classes.header}>
        <div className={classes.titleLine}>
          <ActionIcon variant="subtle" color="gray" aria-label="Back to the list" onClick={back}>
            <Icon name="back" />
          </ActionIcon>
          <h2 className={classes.title}>{row.id}</h2>
          <CopyIcon text={row.id} label="Copy the user's hash" />
          <span className={classes.push} />
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => void navigate({ to: "/traces", search: { q: termOf("user", row.id) } })}
          >
            All calls
          </Button>
          <EraseButton what="user" id={row.id} calls={row.calls} />
        </div>
        <div className={classes.facts}>
          <Facts>
            <Fact label="First seen">{formatTime(row.first)}</Fact>
            <Fact label="Last seen">{formatTime(row.last)}</Fact>
            <Fact label="Calls">{formatCount(row.calls)}</Fact>
            <Fact label="Errors">
              <span className={row.errors ? "bad" : undefined}>{formatCount(row.errors)}</span>
            </Fact>
            <Fact label="Tokens">{formatCount(row.tokens)}</Fact>
            <Fact label="Cost">{formatMoney(row.cost)}</Fact>
          </Facts>
        </div>
      </header>
      <UserCharts user={row.id} />
      <div className={classes.columns}>
        <UserSessions user={row.id} />
        <UserCalls rows={rows} />
      </div>
    </div>
  );
}
