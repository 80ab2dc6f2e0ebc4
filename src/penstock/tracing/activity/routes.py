"""Control API of sessions and end users.

The app provides the dependencies: `project` (id, from its guard), `asked`, `paging` and `observability`.
"""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter, SkipValidation

from penstock.tracing.activity.service import ActivityService
from penstock.tracing.activity.types import ActivityList, ActivityView
from penstock.tracing.types import Asked, Paging

__all__ = ["SessionsController", "UsersController"]

Service = NamedDependency[ActivityService]
ProjectId = NamedDependency[str]
Question = NamedDependency[SkipValidation[Asked]]
Part = NamedDependency[SkipValidation[Paging]]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Calls of a page, 1 to 1000.")]


class SessionsController(Controller):
    path = "/sessions"
    tags = ("sessions",)

    @get("/", operation_id="listSessions", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_sessions(self, activity: Service, project: ProjectId, asked: Question, paging: Part) -> ActivityList:
        """Sessions of which a call fits, the last one first; `sort` by `last first calls errors tokens cost`."""
        return activity.listed(project, "session", asked, paging)

    @get("/{session:path}", operation_id="getSessionActivity", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_session(
        self,
        activity: Service,
        project: ProjectId,
        session: Annotated[str, PathParameter(description="The session's id, as the application named it.")],
        *,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> ActivityView:
        """One session with its newest calls, in order of time; `next_cursor` leads to those before them."""
        return activity.one(project, "session", session.removeprefix("/"), cursor=cursor, limit=limit)


class UsersController(Controller):
    path = "/users"
    tags = ("users",)

    @get("/", operation_id="listUsers", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_users(self, activity: Service, project: ProjectId, asked: Question, paging: Part) -> ActivityList:
        """End users of whom a call fits, the last one first; `sort` as of sessions. Their ids are hashes."""
        return activity.listed(project, "user", asked, paging)

    @get("/{user:path}", operation_id="getUserActivity", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_user(
        self,
        activity: Service,
        project: ProjectId,
        user: Annotated[str, PathParameter(description="The end user's id, or the hash that stands for it.")],
        *,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> ActivityView:
        """One end user with their newest calls, in order of time; `next_cursor` leads to those before them."""
        return activity.one(project, "user", user.removeprefix("/"), cursor=cursor, limit=limit)
