"""Control API of traces, the overview and the system's state.

The app provides the dependencies: `project` (id, from its guard), `tracing` and `observability`.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import msgspec
from litestar import Controller, Router, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response import Stream

from penstock.store.spans.types import Overview, TraceRow, TraceView
from penstock.tracing.dashboards.routes import DashboardsController
from penstock.tracing.dashboards.service import Dashboards
from penstock.tracing.metrics.routes import MetricsController
from penstock.tracing.metrics.service import MetricsService
from penstock.tracing.observability import Observability
from penstock.tracing.service import TracingService
from penstock.tracing.types import FacetPage, SystemState, TracePage
from penstock.tracing.views.routes import ViewsController
from penstock.tracing.views.service import SavedViews

__all__ = ["tracing_router"]

Tracing = NamedDependency[TracingService]
ProjectId = NamedDependency[str]
From = Annotated[int | None, QueryParameter(name="from", description="Microseconds since the epoch, inclusive.")]
To = Annotated[int | None, QueryParameter(name="to", description="Microseconds since the epoch, exclusive.")]
Filters = Annotated[
    list[str] | None,
    QueryParameter(
        name="filter",
        description="`column:operator:value`, all must hold. Operators: eq ne in gt gte lt lte contains has missing.",
    ),
]
Search = Annotated[str | None, QueryParameter(name="q", description="Text in input or output, case ignored.")]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Rows of a page, 1 to 200.")]
TraceId = Annotated[str, PathParameter(description="32 hex digits.")]


class TracesController(Controller):
    path = "/traces"
    tags = ("traces",)

    @get("/", operation_id="listTraces", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_traces(
        self,
        *,
        tracing: Tracing,
        project: ProjectId,
        from_: From = None,
        to: To = None,
        filters: Filters = None,
        text: Search = None,
        cursor: Cursor = None,
        limit: Limit = 50,
    ) -> TracePage:
        """Calls, newest first. With `q`, a page may be short or empty and still have a successor."""
        return tracing.list_traces(
            project, from_=from_, to=to, filters=filters or (), text=text, cursor=cursor, limit=limit
        )

    @get(
        "/tail",
        operation_id="tailTraces",
        opt={"permission": "traces:read"},
        sync_to_thread=False,
        responses={
            200: ResponseSpec(
                data_container=str,
                media_type="text/event-stream",
                description="`event: trace` with a TraceRow as data; a comment at least every 15 s.",
                generate_examples=False,
            )
        },
    )
    def tail_traces(
        self,
        *,
        tracing: Tracing,
        project: ProjectId,
        filters: Filters = None,
        text: Search = None,
        after: Annotated[
            int | None, QueryParameter(name="after", description="Begin with calls that started after this.")
        ] = None,
    ) -> Stream:
        """Calls as they are stored."""
        where = tracing.check_tail(filters or (), text)
        return Stream(
            _events(tracing.tail(project, where=where, after=after)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )

    @get("/facets", operation_id="listFacets", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_facets(
        self,
        *,
        tracing: Tracing,
        project: ProjectId,
        column: Annotated[str, QueryParameter(name="column", description="A column's name, or `tags.NAME`.")],
        from_: From = None,
        to: To = None,
    ) -> FacetPage:
        """The values of a column, the most frequent first."""
        return tracing.facets(project, column=column, from_=from_, to=to)

    @get("/{trace_id:str}", operation_id="getTrace", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_trace(self, *, tracing: Tracing, project: ProjectId, trace_id: TraceId) -> TraceView:
        """One trace with all its spans."""
        return tracing.trace(project, trace_id)


class OverviewController(Controller):
    path = "/overview"
    tags = ("overview",)

    @get("/", operation_id="getOverview", opt={"permission": "traces:read"}, sync_to_thread=True)
    def get_overview(
        self,
        *,
        tracing: Tracing,
        project: ProjectId,
        from_: From = None,
        to: To = None,
        points: Annotated[
            int, QueryParameter(name="points", description="Steps of the series at most, 1 to 1000.")
        ] = 60,
    ) -> Overview:
        """Totals, series and tops of a window; by default the last day."""
        return tracing.overview(project, from_=from_, to=to, points=points)


class SystemController(Controller):
    path = "/system"
    tags = ("system",)

    @get("/", operation_id="getSystem", opt={"permission": "system:read"}, sync_to_thread=True)
    def get_system(self, tracing: Tracing) -> SystemState:
        """How the journal, ingestion and the disk are."""
        return tracing.system()


Bound = NamedDependency[SkipValidation[Observability]]


def provide_metrics(observability: Bound) -> MetricsService:
    """Dependency `metrics`."""
    return observability.metrics


def provide_dashboards(observability: Bound) -> Dashboards:
    """Dependency `dashboards`."""
    return observability.dashboards


def provide_views(observability: Bound) -> SavedViews:
    """Dependency `views`."""
    return observability.views


def tracing_router() -> Router:
    """Routes of this slice, relative to the API's root."""
    return Router(
        path="/",
        route_handlers=[
            TracesController,
            OverviewController,
            SystemController,
            MetricsController,
            DashboardsController,
            ViewsController,
        ],
        dependencies={
            "metrics": Provide(provide_metrics, sync_to_thread=False),
            "dashboards": Provide(provide_dashboards, sync_to_thread=False),
            "views": Provide(provide_views, sync_to_thread=False),
        },
    )


async def _events(rows: AsyncGenerator[TraceRow | None]) -> AsyncIterator[bytes]:
    """Server-sent events. The id is the row's start, so that a browser that comes back can say `after`."""
    async for row in rows:
        if row is None:
            yield b": keep-alive\n\n"
        else:
            yield b"event: trace\nid: %d\ndata: %s\n\n" % (row.started, msgspec.json.encode(row))
