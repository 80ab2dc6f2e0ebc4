import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { Activity } from "@/api/types";
import { activityColumns } from "@/components/activity-columns";
import { ActivityList } from "@/components/activity-list";
import { Empty } from "@/components/empty";
import type { RowColumn } from "@/components/rows/columns";
import { NOTHING } from "@/lib/format";
import { useUsers } from "./queries";
import { USUAL_SORT, type UsersSearch } from "./search";

const route = getRouteApi("/app/users");

const COLUMNS: readonly RowColumn<Activity>[] = [
  {
    id: "user",
    label: "User",
    width: 260,
    cell: (row) => (
      <b className="mono" title={row.id}>
        {row.id}
      </b>
    ),
  },
  ...activityColumns(),
  {
    id: "session",
    label: "Last session",
    width: 160,
    cell: (row) => row.other ?? <span className="faint">{NOTHING}</span>,
  },
];

export function UsersPage() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const list = useUsers(search);
  return (
    <ActivityList
      label="Users"
      list={list}
      columns={COLUMNS}
      q={search.q}
      sort={search.sort ?? USUAL_SORT}
      onChange={(next: UsersSearch) =>
        void navigate({ to: "/users", search: (before) => ({ ...before, ...next }) })
      }
      onOpen={(row) => void navigate({ to: "/users/$user", params: { user: row.id }, search: {} })}
      empty={
        <Empty title={search.q ? "No user matches." : "No users in this time range."} icon="users">
          <p>
            Users are the people behind your application's calls. Send their id in the header{" "}
            <code>x-penstock-user</code> or as <code>user</code> in the body; it is kept as a hash, and{" "}
            <code>user:ID</code> in the filter finds it.
          </p>
        </Empty>
      }
    />
  );
}
