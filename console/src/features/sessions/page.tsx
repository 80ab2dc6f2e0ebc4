import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { Activity } from "@/api/types";
import { activityColumns, durationColumn } from "@/components/activity-columns";
import { ActivityList } from "@/components/activity-list";
import { Empty } from "@/components/empty";
import type { RowColumn } from "@/components/rows/columns";
import { NOTHING } from "@/lib/format";
import { useSessions } from "./queries";
import { type SessionsSearch, USUAL_SORT } from "./search";

const route = getRouteApi("/app/sessions");

const COLUMNS: readonly RowColumn<Activity>[] = [
  {
    id: "session",
    label: "Session",
    width: 230,
    cell: (row) => <b title={row.id}>{row.id}</b>,
  },
  ...activityColumns(),
  durationColumn(),
  {
    id: "user",
    label: "User",
    width: 120,
    cell: (row) =>
      row.other ? <span title={row.other}>{row.other}</span> : <span className="faint">{NOTHING}</span>,
  },
];

export function SessionsPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const list = useSessions(search);
  return (
    <ActivityList
      label="Sessions"
      list={list}
      columns={COLUMNS}
      q={search.q}
      sort={search.sort ?? USUAL_SORT}
      onChange={(next: SessionsSearch) =>
        void navigate({ to: "/sessions", search: (before) => ({ ...before, ...next }) })
      }
      onOpen={(row) => void navigate({ to: "/sessions/$session", params: { session: row.id }, search: {} })}
      empty={
        <Empty title={search.q ? "No session matches." : "No sessions in this time range."} icon="sessions">
          <p>
            A session is a conversation: calls that carry the same id. Send the header{" "}
            <code>x-penstock-session</code>, or <code>penstock.context(session=…)</code> in the SDK.
          </p>
        </Empty>
      }
    />
  );
}
