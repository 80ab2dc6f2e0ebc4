/** One session: what was said in it, call by call, and what it took. */

import { ActionIcon, Button, Skeleton } from "@mantine/core";
import { getRouteApi, Link, useCanGoBack, useNavigate, useRouter } from "@tanstack/react-router";
import type { Activity } from "@/api/types";
import { CopyIcon } from "@/components/copy";
import { EraseButton } from "@/components/erase";
import { Fact, Facts } from "@/components/facts";
import { Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { formatCount, formatDuration, formatMoney, formatTime } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { termOf } from "@/lib/query-text";
import { useSession } from "../queries";
import classes from "./session.module.css";
import { Timeline } from "./timeline";

const route = getRouteApi("/app/sessions/$session");

export function SessionPage() {
  const { session } = route.useParams();
  const { data, error, refetch } = useSession(session);
  const of = data?.pages[0]?.of;
  if (!of && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!of)
    return (
      <div role="status" aria-label="Loading the session">
        <Skeleton height={70} mb={12} />
        <Skeleton height={320} />
      </div>
    );
  return (
    <div className={classes.page} key={session}>
      <SessionHeader of={of} />
      <Timeline session={session} total={of.calls} />
    </div>
  );
}

function SessionHeader({ of }: { of: Activity }) {
  const router = useRouter();
  const navigate = useNavigate();
  const canGoBack = useCanGoBack();
  const back = () => {
    if (canGoBack) router.history.back();
    else void navigate({ to: "/sessions", search: {} });
  };
  useKeys({ escape: back });
  return (
    <header className={classes.header}>
      <div className={classes.titleLine}>
        <ActionIcon variant="subtle" color="gray" aria-label="Back to the list" onClick={back}>
          <Icon name="back" />
        </ActionIcon>
        <h2 className={classes.title}>{of.id}</h2>
        <CopyIcon text={of.id} label="Copy the session's id" />
        <span className={classes.push} />
        <Button
          size="compact-sm"
          variant="default"
          onClick={() =>
            void navigate({ to: "/traces", search: { q: termOf("session", of.id), range: "30d" } })
          }
        >
          Its calls as a list
        </Button>
        <EraseButton what="session" id={of.id} calls={of.calls} />
      </div>
      <div className={classes.facts}>
        <Facts>
          <Fact label="First call">{formatTime(of.first)}</Fact>
          <Fact label="Length">{formatDuration(of.last - of.first)}</Fact>
          <Fact label="Calls">{formatCount(of.calls)}</Fact>
          <Fact label="Errors">
            <span className={of.errors ? "bad" : undefined}>{formatCount(of.errors)}</span>
          </Fact>
          <Fact label="Tokens">{formatCount(of.tokens)}</Fact>
          <Fact label="Cost">{formatMoney(of.cost)}</Fact>
          {of.other && (
            <Fact label="User">
              <Link to="/users/$user" params={{ user: of.other }} search={{}} title={of.other}>
                {of.other.slice(0, 12)}
              </Link>
            </Fact>
          )}
        </Facts>
      </div>
    </header>
  );
}
