import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { SessionRow } from "@/api/types";
import { activityColumns, durationColumn } from "@/components/activity-columns";
import { ActivityList } from "@/components/activity-list";
import { Empty } from "@/components/empty";
import type { RowColumn } from "@/components/rows/columns";
import { NOTHING } from "@/lib/format";
import { useSessions } from "./queries";
import { type SessionsSearch, USUAL_SORT } from "./search";

const route = getRouteApi("/app/sessions");

const COLUMNS: readonly RowColumn<SessionRow>[] = [
  {
    id: "session",
    label: "Session",
    width: 230,
    cell: (row) => <b title={row.session}>{row.session}</b>,
  },
  ...activityColumns<SessionRow>(),
  durationColumn<SessionRow>(),
  {
    id: "user",
    label: "User",
    width: 120,
    cell: (row) =>
      row.user ? <span title={row.user}>{row.user}</span> : <span className="faint">{NOTHING}</span>,
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
      nameOf={(row: SessionRow) => row.session}
      q={search.q}
      sort={search.sort ?? USUAL_SORT}
      onChange={(next: SessionsSearch) =>
        void navigate({ to: "/sessions", search: (before) => ({ ...before, ...next }) })
      }
      onOpen={(row) =>
        void navigate({ to: "/sessions/$session", params: { session: row.session }, search: {} })
      }
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
