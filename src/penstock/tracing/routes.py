"""Control API of traces, the overview and the system's state.

The app provides the dependencies: `project` (id, from its guard), `tracing` and `observability`.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

import msgspec
from litestar import Controller, Router, get
from litestar.config.compression import CompressionConfig
from litestar.di import NamedDependency, Provide
from litestar.middleware import DefineMiddleware
from litestar.middleware.compression import CompressionMiddleware
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter, SkipValidation
from litestar.response import Stream

from penstock.store.spans.metrics import Population
from penstock.store.spans.types import Overview, SpanView, TraceRow, TraceView
from penstock.tracing.activity.routes import SessionsController, UsersController
from penstock.tracing.activity.service import ActivityService
from penstock.tracing.actor import Actor
from penstock.tracing.dashboards.routes import DashboardsController
from penstock.tracing.dashboards.service import Dashboards
from penstock.tracing.exports.routes import ExportsController
from penstock.tracing.exports.service import ExportService
from penstock.tracing.metrics.routes import MetricsController
from penstock.tracing.metrics.service import MetricsService
from penstock.tracing.observability import Observability
from penstock.tracing.query.routes import QueryController
from penstock.tracing.query.service import QueryHelp
from penstock.tracing.retention.routes import DeletionsController, RetentionController
from penstock.tracing.retention.service import RetentionService
from penstock.tracing.service import TracingService
from penstock.tracing.types import Asked, FacetPage, FacetsPage, GroupPage, Paging, SystemState, TracePage
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
Search = Annotated[
    str | None,
    QueryParameter(
        name="q", description="In the filter language: `status:error latency>2s refund`; see docs/search.md."
    ),
]
Sorted = Annotated[
    str | None,
    QueryParameter(
        name="sort",
        description="`started`, `duration`, `cost` or `tokens`; with a `-` the largest first, as `-started`.",
    ),
]
Cursor = Annotated[str | None, QueryParameter(name="cursor", description="`next_cursor` of the page before.")]
Limit = Annotated[int, QueryParameter(name="limit", description="Rows of a page, 1 to 200.")]
Exact = Annotated[
    bool, QueryParameter(name="exact", description="Never an estimate from a sample, however long that takes.")
]
PACKED = DefineMiddleware(
    CompressionMiddleware,
    config=CompressionConfig(backend="gzip", gzip_compress_level=1, minimum_size=256 * 1024),
)
"""Answers that are large although nobody asked for much. Level 1 takes a fifth of the time of level 6."""
TraceId = Annotated[str, PathParameter(description="32 hex digits.")]


Question = NamedDependency[SkipValidation[Asked]]
Part = NamedDependency[SkipValidation[Paging]]


def provide_asked(*, q: Search = None, filters: Filters = None, from_: From = None, to: To = None) -> Asked:
    """Dependency `asked`: which spans a request is about."""
    return Asked(q=q, filters=filters or (), from_=from_, to=to)


def provide_paging(*, sort: Sorted = None, cursor: Cursor = None, limit: Limit = 50) -> Paging:
    """Dependency `paging`: which part of a list a request is about."""
    return Paging(sort=sort, cursor=cursor, limit=limit)


class TracesController(Controller):
    path = "/traces"
    tags = ("traces",)

    @get("/", operation_id="listTraces", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_traces(self, tracing: Tracing, project: ProjectId, asked: Question, paging: Part) -> TracePage:
        """Calls and the roots of what applications sent, by default the newest first.

        A search for words is always sorted so, and its page may be short or empty and still have a successor.
        """
        return tracing.list_traces(project, asked, paging)

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
        where = tracing.check_tail(project, Asked(q=text, filters=filters or ()))
        return Stream(
            _events(tracing.tail(project, where=where, after=after)),
            media_type="text/event-stream",
            headers={"cache-control": "no-cache", "x-accel-buffering": "no"},
        )

    @get("/facets", operation_id="listFacets", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_facets(
        self,
        tracing: Tracing,
        project: ProjectId,
        asked: Question,
        column: Annotated[str, QueryParameter(name="column", description="A column's name, or `tags.NAME`.")],
    ) -> FacetPage:
        """The values of a column among the calls that fit, the most frequent first."""
        return tracing.facets(project, asked, column=column)

    @get(
        "/{trace_id:str}",
        operation_id="getTrace",
        opt={"permission": "traces:read"},
        sync_to_thread=True,
        middleware=[PACKED],
    )
    def get_trace(
        self,
        *,
        tracing: Tracing,
        project: ProjectId,
        trace_id: TraceId,
        outline: Annotated[
            bool, QueryParameter(name="outline", description="One of more than 200 spans comes column by column.")
        ] = False,
    ) -> TraceView:
        """One trace with all its spans, and its scores. Spans of a large one come without their texts."""
        return tracing.trace(project, trace_id, outlined=outline)

    @get(
        "/{trace_id:str}/spans/{span_id:str}",
        operation_id="getSpan",
        opt={"permission": "traces:read"},
        sync_to_thread=True,
    )
    def get_span(
        self,
        tracing: Tracing,
        project: ProjectId,
        trace_id: TraceId,
        span_id: Annotated[str, PathParameter(description="16 hex digits.")],
    ) -> SpanView:
        """One span with everything that is known of it."""
        return tracing.span(project, trace_id, span_id)


class SpansController(Controller):
    path = "/spans"
    tags = ("traces",)

    @get("/", operation_id="listSpans", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_spans(self, tracing: Tracing, project: ProjectId, asked: Question, paging: Part) -> TracePage:
        """Spans of any kind, as `/traces` lists calls; tokens and cost are the span's own."""
        return tracing.list_spans(project, asked, paging)


class GroupsController(Controller):
    """Calls and roots together: values of columns, groups."""

    path = "/"
    tags = ("traces",)

    @get("/facets", operation_id="listColumnFacets", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_column_facets(
        self,
        tracing: Tracing,
        project: ProjectId,
        asked: Question,
        columns: Annotated[
            str, QueryParameter(name="columns", description="Names of columns, or `tags.NAME`, separated by commas.")
        ],
        exact: Exact = False,
    ) -> FacetsPage:
        """The values of several columns among the calls that fit, each with how often it stands there.

        Under a word that very many texts hold, and of columns that no sums are kept of where very many spans would be
        read, counts are estimates from a sample, unless `exact`.
        """
        return tracing.facets_of(project, asked, columns=_split(columns), exact=exact)

    @get("/groups", operation_id="listGroups", opt={"permission": "traces:read"}, sync_to_thread=True)
    def list_groups(  # noqa: PLR0917 - the framework passes them by name
        self,
        tracing: Tracing,
        project: ProjectId,
        asked: Question,
        by: Annotated[str, QueryParameter(name="by", description="One or two fields, separated by a comma.")],
        population: Annotated[Population, QueryParameter(name="population", description="What is grouped.")] = "traces",
        limit: Annotated[int, QueryParameter(name="limit", description="Groups at most, 1 to 200.")] = 50,
        exact: Exact = False,
    ) -> GroupPage:
        """Groups of the calls that fit: how many, errors, latency, tokens, cost. The largest first.

        Under a word that very many texts hold, and where no sums are kept and very many spans would be read, this is
        estimated from a sample, unless `exact`.
        """
        return tracing.groups(project, asked, by=_split(by), population=population, limit=limit, exact=exact)


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


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
    def get_system(self, tracing: Tracing, principal: NamedDependency[SkipValidation[Actor]]) -> SystemState:
        """How the journal, ingestion and the disk are."""
        return tracing.system(visible=lambda project: principal.may("system:read", project))


Bound = NamedDependency[SkipValidation[Observability]]


def provide_query_help(observability: Bound) -> QueryHelp:
    """Dependency `query_help`."""
    return observability.query_help


def provide_metrics(observability: Bound) -> MetricsService:
    """Dependency `metrics`."""
    return observability.metrics


def provide_dashboards(observability: Bound) -> Dashboards:
    """Dependency `dashboards`."""
    return observability.dashboards


def provide_views(observability: Bound) -> SavedViews:
    """Dependency `views`."""
    return observability.views


def provide_activity(observability: Bound) -> ActivityService:
    """Dependency `activity`."""
    return observability.activity


def provide_exports(observability: Bound) -> ExportService:
    """Dependency `exports`."""
    return observability.exports


def provide_retention(observability: Bound) -> RetentionService:
    """Dependency `retention`."""
    return observability.retention


def tracing_router() -> Router:
    """Routes of this slice, relative to the API's root."""
    return Router(
        path="/",
        route_handlers=[
            TracesController,
            SpansController,
            GroupsController,
            SessionsController,
            UsersController,
            OverviewController,
            SystemController,
            QueryController,
            MetricsController,
            DashboardsController,
            ViewsController,
            ExportsController,
            DeletionsController,
            RetentionController,
        ],
        dependencies={
            "asked": Provide(provide_asked, sync_to_thread=False),
            "paging": Provide(provide_paging, sync_to_thread=False),
            "query_help": Provide(provide_query_help, sync_to_thread=False),
            "metrics": Provide(provide_metrics, sync_to_thread=False),
            "dashboards": Provide(provide_dashboards, sync_to_thread=False),
            "retention": Provide(provide_retention, sync_to_thread=False),
            "activity": Provide(provide_activity, sync_to_thread=False),
            "exports": Provide(provide_exports, sync_to_thread=False),
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
