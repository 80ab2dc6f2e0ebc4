"""Control API of dashboards.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `observability`.
"""

from typing import Annotated

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter, SkipValidation

from penstock.tracing.actor import Actor
from penstock.tracing.dashboards.service import Dashboards
from penstock.tracing.dashboards.types import Dashboard, DashboardDocument, DashboardPage

__all__ = ["DashboardsController"]

Service = NamedDependency[Dashboards]
Caller = NamedDependency[SkipValidation[Actor]]
ProjectId = NamedDependency[str]
Id = Annotated[str, PathParameter(description="The dashboard's id.")]
IfMatch = Annotated[
    str | None, HeaderParameter(name="if-match", description="The `version` that it must have, or `*` for any.")
]


class DashboardsController(Controller):
    path = "/dashboards"
    tags = ("dashboards",)

    @get("/", operation_id="listDashboards", opt={"permission": "dashboards:read"}, sync_to_thread=True)
    def list_dashboards(self, dashboards: Service, project: ProjectId) -> DashboardPage:
        """Those of the project. One that is looked at for the first time is given a set of seven."""
        return DashboardPage(items=dashboards.listed(project), next_cursor=None)

    @post("/", operation_id="createDashboard", opt={"permission": "dashboards:write"}, sync_to_thread=True)
    def create_dashboard(
        self, dashboards: Service, principal: Caller, project: ProjectId, data: JSONBody[DashboardDocument]
    ) -> Response[Dashboard]:
        """Keep a new one. The `document` of another can be sent as it is: so one is imported."""
        return _tagged(dashboards.create(principal, project, data), status=201)

    @post(
        "/restore",
        operation_id="restoreDashboards",
        opt={"permission": "dashboards:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def restore_dashboards(self, dashboards: Service, principal: Caller, project: ProjectId) -> DashboardPage:
        """Bring back those of the first set that were deleted."""
        return DashboardPage(items=dashboards.restore(principal, project), next_cursor=None)

    @get("/{dashboard:str}", operation_id="getDashboard", opt={"permission": "dashboards:read"}, sync_to_thread=True)
    def get_dashboard(self, dashboards: Service, project: ProjectId, dashboard: Id) -> Response[Dashboard]:
        """One, with its `document`, and its version as ETag."""
        return _tagged(dashboards.get(project, dashboard))

    @put("/{dashboard:str}", operation_id="putDashboard", opt={"permission": "dashboards:write"}, sync_to_thread=True)
    def put_dashboard(  # noqa: PLR0917 - the framework passes them by name
        self,
        dashboards: Service,
        principal: Caller,
        project: ProjectId,
        dashboard: Id,
        data: JSONBody[DashboardDocument],
        if_match: IfMatch = None,
    ) -> Response[Dashboard]:
        """Put a document in the place of what is there."""
        return _tagged(dashboards.replace(principal, project, dashboard, data, expected=_version(if_match)))

    @delete(
        "/{dashboard:str}", operation_id="deleteDashboard", opt={"permission": "dashboards:write"}, sync_to_thread=True
    )
    def delete_dashboard(
        self, dashboards: Service, principal: Caller, project: ProjectId, dashboard: Id, if_match: IfMatch = None
    ) -> None:
        dashboards.delete(principal, project, dashboard, expected=_version(if_match))

    @post(
        "/{dashboard:str}/duplicate",
        operation_id="duplicateDashboard",
        opt={"permission": "dashboards:write"},
        sync_to_thread=True,
    )
    def duplicate_dashboard(
        self,
        dashboards: Service,
        principal: Caller,
        project: ProjectId,
        dashboard: Id,
        name: Annotated[
            str | None, QueryParameter(name="name", description='Of the copy; without it, with "(copy)".')
        ] = None,
    ) -> Response[Dashboard]:
        """A copy under another name."""
        return _tagged(dashboards.duplicate(principal, project, dashboard, name=name), status=201)

    @post(
        "/{dashboard:str}/reset",
        operation_id="resetDashboard",
        opt={"permission": "dashboards:write"},
        status_code=200,
        sync_to_thread=True,
    )
    def reset_dashboard(
        self, dashboards: Service, principal: Caller, project: ProjectId, dashboard: Id
    ) -> Response[Dashboard]:
        """Make one of the first set what it was at first."""
        return _tagged(dashboards.reset(principal, project, dashboard))


def _version(if_match: str | None) -> str | None:
    return None if if_match is None else if_match.strip().removeprefix("W/").strip('"')


def _tagged(dashboard: Dashboard, *, status: int = 200) -> Response[Dashboard]:
    return Response(dashboard, status_code=status, headers={"etag": f'"{dashboard.version}"'})
