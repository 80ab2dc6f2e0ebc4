import { Button, FileButton, Group, Skeleton } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { Link, useNavigate } from "@tanstack/react-router";
import { Empty } from "@/components/empty";
import { explain, Failure } from "@/components/failure";
import { Icon } from "@/components/icons";
import { nowMicroseconds } from "@/lib/clock";
import { formatAgo } from "@/lib/format";
import { useSignedIn } from "@/lib/session";
import classes from "./dashboards.module.css";
import { useDashboards, useDashboardWrites } from "./queries";
import type { DashboardDocument, DashboardSummary } from "./types";

const DAY = 86_400_000_000;

export function DashboardsPage() {
  const { data, error, refetch } = useDashboards();
  const { may } = useSignedIn();
  const { restore } = useDashboardWrites();
  if (!data && error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return <Skeleton height={220} role="status" aria-label="Loading" />;
  const writer = may("dashboards:write");
  return (
    <div className={classes.page}>
      <div className={classes.bar}>
        <p className={classes.lead}>
          Any metric, of any calls, over time. A dashboard's address can be shared.
        </p>
        {writer && <Creation names={data.map((one) => one.name)} />}
      </div>
      {data.length === 0 ? (
        <div className="card">
          <Empty title="All dashboards were deleted." icon="dashboards">
            {writer && (
              <Button size="xs" loading={restore.isPending} onClick={() => restore.mutate()}>
                Bring back the first set
              </Button>
            )}
          </Empty>
        </div>
      ) : (
        <ul className={classes.list}>
          {data.map((one) => (
            <Entry key={one.id} dashboard={one} />
          ))}
        </ul>
      )}
    </div>
  );
}

function Entry({ dashboard }: { dashboard: DashboardSummary }) {
  return (
    <li className={`card ${classes.entry}`}>
      <Link
        to="/dashboards/$dashboard"
        params={{ dashboard: dashboard.id }}
        search={{}}
        className={classes.name}
      >
        {dashboard.name}
      </Link>
      <p className="dim">{dashboard.description}</p>
      <div className={`faint ${classes.foot}`}>
        {dashboard.widgets} widgets
        {dashboard.preset && dashboard.version === 1
          ? ""
          : `, changed ${formatAgo(dashboard.updated, nowMicroseconds())} by ${dashboard.updated_by}`}
      </div>
    </li>
  );
}

function Creation({ names }: { names: string[] }) {
  const navigate = useNavigate();
  const { create } = useDashboardWrites();
  const begin = (document: DashboardDocument, edit: boolean) =>
    create.mutate(document, {
      onSuccess: (made) =>
        void navigate({
          to: "/dashboards/$dashboard",
          params: { dashboard: made.id },
          search: edit ? { edit: "yes" } : {},
        }),
      onError: (error) => notifications.show({ color: "red", message: explain(error).title }),
    });
  const take = async (file: File | null) => {
    if (!file) return;
    try {
      begin(JSON.parse(await file.text()) as DashboardDocument, false);
    } catch {
      notifications.show({ color: "red", message: `${file.name} is not JSON.` });
    }
  };
  return (
    <Group gap="xs">
      <FileButton accept="application/json" onChange={(file) => void take(file)}>
        {(props) => (
          <Button {...props} size="xs" variant="default">
            Import
          </Button>
        )}
      </FileButton>
      <Button
        size="xs"
        leftSection={<Icon name="plus" size={14} />}
        loading={create.isPending}
        onClick={() =>
          begin({ name: freeName(names), widgets: [], description: "", q: "", window: DAY }, true)
        }
      >
        Create a dashboard
      </Button>
    </Group>
  );
}

function freeName(names: string[]): string {
  const first = "New dashboard";
  for (let number = 2; ; number += 1) {
    const name = number === 2 && !names.includes(first) ? first : `${first} ${number}`;
    if (!names.includes(name)) return name;
  }
}
