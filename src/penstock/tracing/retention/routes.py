"""Control API of deletion and retention.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `retention`.
"""

from typing import Annotated

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter, QueryParameter, SkipValidation

from penstock.tracing.actor import Actor
from penstock.tracing.retention.service import RetentionService
from penstock.tracing.retention.types import (
    Deletion,
    DeletionRequest,
    DeletionsPage,
    RetentionPolicy,
    RetentionState,
)

__all__ = ["DeletionsController", "RetentionController"]

Service = NamedDependency[RetentionService]
Caller = NamedDependency[SkipValidation[Actor]]
ProjectId = NamedDependency[str]


class DeletionsController(Controller):
    path = "/deletions"
    tags = ("deletions",)

    @post("/", operation_id="createDeletion", opt={"permission": "traces:delete"}, status_code=202, sync_to_thread=True)
    def create_deletion(
        self, retention: Service, principal: Caller, project: ProjectId, data: JSONBody[DeletionRequest]
    ) -> Deletion:
        """Have traces, spans and scores deleted for good. Ask for the deletion to see how far it is."""
        return retention.delete(principal, project, data)

    @get("/", operation_id="listDeletions", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_deletions(
        self,
        retention: Service,
        project: ProjectId,
        *,
        cursor: Annotated[
            str | None, QueryParameter(name="cursor", description="`next_cursor` of the page before.")
        ] = None,
        limit: Annotated[int, QueryParameter(name="limit", description="Rows of a page, 1 to 200.")] = 50,
    ) -> DeletionsPage:
        """Deletions, newest first, those of retention too."""
        return retention.listed(project, cursor=cursor, limit=limit)

    @get("/{deletion:str}", operation_id="getDeletion", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_deletion(
        self,
        retention: Service,
        project: ProjectId,
        deletion: Annotated[str, PathParameter(description="The deletion's id.")],
    ) -> Deletion:
        """One deletion, and how far it is."""
        return retention.get(project, deletion)


class RetentionController(Controller):
    path = "/retention"
    tags = ("retention",)

    @get("/", operation_id="getRetention", opt={"permission": "retention:read"}, sync_to_thread=True)
    def get_retention(self, retention: Service, project: ProjectId) -> RetentionState:
        """For how many days the project keeps what."""
        return retention.policy(project)

    @put("/", operation_id="putRetention", opt={"permission": "retention:write"}, sync_to_thread=True)
    def put_retention(
        self, retention: Service, principal: Caller, project: ProjectId, data: JSONBody[RetentionPolicy]
    ) -> RetentionState:
        """Put another policy in its place. What it does not allow to be kept is deleted within the hour, for good."""
        return retention.set_policy(principal, project, data)
