"""Control API of saved views.

The app provides the dependencies: `principal` and `project` (id, from its guard), and `observability`.
"""

from typing import Annotated

from litestar import Controller, Response, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter, SkipValidation

from penstock.tracing.actor import Actor
from penstock.tracing.views.service import SavedViews
from penstock.tracing.views.types import SavedView, ViewDocument, ViewPage, ViewsPage

__all__ = ["ViewsController"]

Service = NamedDependency[SavedViews]
Caller = NamedDependency[SkipValidation[Actor]]
ProjectId = NamedDependency[str]
Id = Annotated[str, PathParameter(description="The view's id.")]
IfMatch = Annotated[
    str | None, HeaderParameter(name="if-match", description="The `version` that it must have, or `*` for any.")
]


class ViewsController(Controller):
    """Whoever may look at traces may save views of their own; a shared one needs `dashboards:write` too."""

    path = "/views"
    tags = ("views",)

    @get("/", operation_id="listViews", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_views(
        self,
        views: Service,
        principal: Caller,
        project: ProjectId,
        page: Annotated[ViewPage | None, QueryParameter(name="page", description="Only those of this list.")] = None,
    ) -> ViewsPage:
        """The caller's own, and those that are shared."""
        return ViewsPage(items=views.listed(principal, project, page=page), next_cursor=None)

    @post("/", operation_id="createView", opt={"permission": "traces:read"}, sync_to_thread=True)
    def create_view(
        self, views: Service, principal: Caller, project: ProjectId, data: JSONBody[ViewDocument]
    ) -> Response[SavedView]:
        """Keep a search."""
        return _tagged(views.create(principal, project, data), status=201)

    @get("/{view:str}", operation_id="getView", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_view(self, views: Service, principal: Caller, project: ProjectId, view: Id) -> Response[SavedView]:
        return _tagged(views.get(principal, project, view))

    @put("/{view:str}", operation_id="putView", opt={"permission": "traces:read"}, sync_to_thread=True)
    def put_view(  # noqa: PLR0917 - the framework passes them by name
        self,
        views: Service,
        principal: Caller,
        project: ProjectId,
        view: Id,
        data: JSONBody[ViewDocument],
        if_match: IfMatch = None,
    ) -> Response[SavedView]:
        """Put another search in its place, share it, or take it back."""
        return _tagged(views.replace(principal, project, view, data, expected=_version(if_match)))

    @delete("/{view:str}", operation_id="deleteView", opt={"permission": "traces:read"}, sync_to_thread=True)
    def delete_view(
        self, views: Service, principal: Caller, project: ProjectId, view: Id, if_match: IfMatch = None
    ) -> None:
        views.delete(principal, project, view, expected=_version(if_match))


def _version(if_match: str | None) -> str | None:
    return None if if_match is None else if_match.strip().removeprefix("W/").strip('"')


def _tagged(view: SavedView, *, status: int = 200) -> Response[SavedView]:
    return Response(view, status_code=status, headers={"etag": f'"{view.version}"'})
