"""Control API of models, configuration, workers, and of routes and limits.

The app provides the dependencies: `principal` and `project` (id, from its guard), `registry`, `definitions`,
`model_catalog`, `tracing` and `clock`.
"""

from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, Router, delete, get, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter, SkipValidation

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.identity.types import Principal
from penstock.registry.definitions import Definitions
from penstock.registry.models import ModelCatalog
from penstock.registry.service import RegistryService
from penstock.registry.store import DefinitionKind
from penstock.registry.targets import TargetHealth, merge_targets
from penstock.registry.types import (
    ConfigState,
    Definition,
    DefinitionAct,
    ModelsPage,
    Place,
    Proposal,
    Terms,
    WorkerView,
)
from penstock.store.spans.types import RouteStats
from penstock.tracing.service import TracingService

__all__ = ["registry_router"]

DAY = 86_400_000_000
"""Microseconds."""

Registry = NamedDependency[RegistryService]
Caller = NamedDependency[Principal]
ProjectId = NamedDependency[str]
Service = NamedDependency[Definitions]
Name = Annotated[str, PathParameter(description="Name of the route or limit.")]
Cursor = Annotated[int | None, QueryParameter(name="cursor", description="The `next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Changes on one page, 1 to 200.")]
From = Annotated[
    int | None,
    QueryParameter(name="from", description="Microseconds since the epoch; without it, a day before `to`."),
]
To = Annotated[int | None, QueryParameter(name="to", description="Microseconds since the epoch; without it, now.")]
Where = NamedDependency[Place]
Said = NamedDependency[Terms]


def provide_place(
    project: NamedDependency[str],
    *,
    everywhere: Annotated[
        bool,
        QueryParameter(name="everywhere", description="Mean the one of all projects, not of the request's project."),
    ] = False,
) -> Place:
    """Dependency `place`: where a route or limit holds."""
    return Place(project=project, everywhere=everywhere)


def provide_terms(
    *,
    comment: Annotated[
        str, QueryParameter(name="comment", description="Why, for the history; at most 500 characters.")
    ] = "",
    if_match: Annotated[
        str | None, HeaderParameter(name="if-match", description="The `etag` that it must have, or `*` for any.")
    ] = None,
    if_none_match: Annotated[
        str | None, HeaderParameter(name="if-none-match", description="`*`: it must not exist yet.")
    ] = None,
) -> Terms:
    """Dependency `terms`: why, and on what condition, something is written."""
    expected = None if if_match is None else if_match.strip().removeprefix("W/").strip('"')
    return Terms(comment=comment, expected=expected, create=if_none_match is not None)


class ModelsController(Controller):
    path = "/models"
    tags = ("models",)

    @get("/", operation_id="listModels", opt={"permission": "models:read"}, sync_to_thread=True)
    def list_models(
        self,
        *,
        registry: Registry,
        model_catalog: NamedDependency[ModelCatalog],
        clock: NamedDependency[SkipValidation[Clock]],
        project: NamedDependency[str],
        from_: From = None,
        to: To = None,
    ) -> ModelsPage:
        """Providers with their health, prices, and what each model served in the window."""
        start, end = _window(clock, from_, to)
        return model_catalog.page(registry.snapshot, project=project, from_=start, to=end)


class ConfigController(Controller):
    path = "/config"
    tags = ("config",)

    @get("/", operation_id="getConfig", opt={"permission": "config:read"}, sync_to_thread=True)
    def get_config(self, registry: Registry) -> ConfigState:
        """The state of the configuration file: what is served, and why a newer file is not."""
        return registry.state()


class WorkerPage(msgspec.Struct, frozen=True, kw_only=True):
    """Gateway workers that report into this home, by name; one that was silent for ten minutes is left out."""

    items: list[WorkerView]
    next_cursor: str | None


class WorkersController(Controller):
    path = "/workers"
    tags = ("system",)

    @get("/", operation_id="listWorkers", opt={"permission": "system:read"}, sync_to_thread=True)
    def list_workers(self, registry: Registry) -> WorkerPage:
        """What each gateway worker says of itself, and whether it serves the published snapshot."""
        return WorkerPage(items=registry.workers(), next_cursor=None)


class TargetPage(msgspec.Struct, frozen=True, kw_only=True):
    """Every `provider/model` that a living worker reports on, those that are out first."""

    items: list[TargetHealth]
    next_cursor: str | None


class TargetsController(Controller):
    path = "/targets"
    tags = ("system",)

    @get("/", operation_id="listTargets", opt={"permission": "system:read"}, sync_to_thread=True)
    def list_targets(self, registry: Registry) -> TargetPage:
        """Health of each target, over all workers and on each: its state, since when why, and the latest changes."""
        return TargetPage(items=merge_targets(registry.workers()), next_cursor=None)


class DefinitionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Those that hold in the request's project, by name."""

    items: list[Definition]
    next_cursor: str | None


class ActPage(msgspec.Struct, frozen=True, kw_only=True):
    """Changes, newest first."""

    items: list[DefinitionAct]
    next_cursor: str | None


MOST_ACTS = 200


class RoutesController(Controller):
    path = "/routes"
    tags = ("routes",)

    @get("/", operation_id="listRoutes", opt={"permission": "routes:read"}, sync_to_thread=True)
    def list_routes(self, definitions: Service, principal: Caller, project: ProjectId) -> DefinitionPage:
        """Routes of the file and of the control API."""
        return DefinitionPage(items=definitions.visible("route", principal, project=project), next_cursor=None)

    @get("/{name:str}", operation_id="getRoute", opt={"permission": "routes:read"}, sync_to_thread=True)
    def get_route(self, definitions: Service, principal: Caller, place: Where, name: Name) -> Response[Definition]:
        return _tagged(definitions.get("route", principal, name, place=place))

    @put("/{name:str}", operation_id="putRoute", opt={"permission": "routes:write"}, sync_to_thread=True)
    def put_route(  # noqa: PLR0917 - the framework passes them by name
        self,
        definitions: Service,
        principal: Caller,
        place: Where,
        terms: Said,
        name: Name,
        data: JSONBody[dict[str, Any]],
    ) -> Response[Definition]:
        """Write a route in the form of the configuration file, and publish it."""
        return _tagged(definitions.put("route", principal, name, data, place=place, terms=terms))

    @delete("/{name:str}", operation_id="deleteRoute", opt={"permission": "routes:write"}, sync_to_thread=True)
    def delete_route(self, definitions: Service, principal: Caller, place: Where, terms: Said, name: Name) -> None:
        definitions.delete("route", principal, name, place=place, terms=terms)

    @get("/{name:str}/history", operation_id="listRouteHistory", opt={"permission": "routes:read"}, sync_to_thread=True)
    def route_history(
        self, definitions: Service, place: Where, name: Name, *, cursor: Cursor = None, limit: Limit = 50
    ) -> ActPage:
        """Who changed it, when, why, and what; deletions included."""
        return _history(definitions, "route", name, place, cursor=cursor, limit=limit)

    @get("/{name:str}/stats", operation_id="getRouteStats", opt={"permission": "traces:read"}, sync_to_thread=True)
    def route_stats(  # noqa: PLR0917 - the framework passes them by name
        self,
        definitions: Service,
        tracing: NamedDependency[TracingService],
        clock: NamedDependency[SkipValidation[Clock]],
        principal: Caller,
        place: Where,
        name: Name,
        *,
        from_: From = None,
        to: To = None,
    ) -> RouteStats:
        """What the route and its variants served in the request's project."""
        definitions.get("route", principal, name, place=place)
        start, end = _window(clock, from_, to)
        return tracing.route_stats(place.project, name, start, end)

    @post(
        "/{name:str}/diff",
        operation_id="diffRoute",
        opt={"permission": "routes:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def diff_route(
        self, definitions: Service, principal: Caller, place: Where, name: Name, data: JSONBody[dict[str, Any]]
    ) -> Proposal:
        """What writing this would change, and every reason why it would be refused. Changes nothing."""
        return definitions.propose("route", principal, name, data, place=place)


class LimitsController(Controller):
    path = "/limits"
    tags = ("limits",)

    @get("/", operation_id="listLimits", opt={"permission": "limits:read"}, sync_to_thread=True)
    def list_limits(self, definitions: Service, principal: Caller, project: ProjectId) -> DefinitionPage:
        """Limits and budgets of the file and of the control API."""
        return DefinitionPage(items=definitions.visible("limit", principal, project=project), next_cursor=None)

    @get("/{name:str}", operation_id="getLimit", opt={"permission": "limits:read"}, sync_to_thread=True)
    def get_limit(self, definitions: Service, principal: Caller, place: Where, name: Name) -> Response[Definition]:
        return _tagged(definitions.get("limit", principal, name, place=place))

    @put("/{name:str}", operation_id="putLimit", opt={"permission": "limits:write"}, sync_to_thread=True)
    def put_limit(  # noqa: PLR0917 - as above
        self,
        definitions: Service,
        principal: Caller,
        place: Where,
        terms: Said,
        name: Name,
        data: JSONBody[dict[str, Any]],
    ) -> Response[Definition]:
        """Write a limit in the form of the configuration file, and publish it."""
        return _tagged(definitions.put("limit", principal, name, data, place=place, terms=terms))

    @delete("/{name:str}", operation_id="deleteLimit", opt={"permission": "limits:write"}, sync_to_thread=True)
    def delete_limit(self, definitions: Service, principal: Caller, place: Where, terms: Said, name: Name) -> None:
        definitions.delete("limit", principal, name, place=place, terms=terms)

    @get("/{name:str}/history", operation_id="listLimitHistory", opt={"permission": "limits:read"}, sync_to_thread=True)
    def limit_history(
        self, definitions: Service, place: Where, name: Name, *, cursor: Cursor = None, limit: Limit = 50
    ) -> ActPage:
        """Who changed it, when, why, and what; deletions included."""
        return _history(definitions, "limit", name, place, cursor=cursor, limit=limit)

    @post(
        "/{name:str}/diff",
        operation_id="diffLimit",
        opt={"permission": "limits:read"},
        status_code=200,
        sync_to_thread=True,
    )
    def diff_limit(
        self, definitions: Service, principal: Caller, place: Where, name: Name, data: JSONBody[dict[str, Any]]
    ) -> Proposal:
        """What writing this would change, and every reason why it would be refused. Changes nothing."""
        return definitions.propose("limit", principal, name, data, place=place)


def _history(
    definitions: Definitions, kind: DefinitionKind, name: str, place: Place, *, cursor: int | None, limit: int
) -> ActPage:
    if not 1 <= limit <= MOST_ACTS:
        raise InvalidInput(f"expected `limit` from 1 to {MOST_ACTS}, got {limit}.", field="limit")
    found = definitions.history(kind, name, place=place, before=cursor, limit=limit)
    more = len(found) == limit and found[-1].version > 1
    return ActPage(items=found, next_cursor=str(found[-1].version) if more else None)


def _window(clock: Clock, from_: int | None, to: int | None) -> tuple[int, int]:
    end = clock.now() if to is None else to
    start = end - DAY if from_ is None else from_
    if start >= end:
        raise InvalidInput(f"expected `from` to be before `to`, got {start} and {end}.", field="from")
    return start, end


def _tagged(definition: Definition) -> Response[Definition]:
    return Response(definition, headers={"etag": f'"{definition.etag}"'})


def registry_router() -> Router:
    """The routes of this slice, to be mounted under `/api/v1`."""
    handlers: list[Any] = [
        ModelsController,
        ConfigController,
        WorkersController,
        TargetsController,
        RoutesController,
        LimitsController,
    ]
    return Router(
        "/",
        route_handlers=handlers,
        dependencies={
            "place": Provide(provide_place, sync_to_thread=False),
            "terms": Provide(provide_terms, sync_to_thread=False),
        },
    )
