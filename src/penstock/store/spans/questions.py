"""The questions of the console, asked of whichever engine."""

import time
from collections.abc import Iterator, Sequence

from penstock.store.spans.engine import Engine
from penstock.store.spans.metrics import Distribution, DistributionQuery, MetricQuery, MetricResult, Population
from penstock.store.spans.queries.distribution import distribution
from penstock.store.spans.queries.export import EXPORTED, ExportFormat, export
from penstock.store.spans.queries.facets import facets, facets_of
from penstock.store.spans.queries.groups import group_by
from penstock.store.spans.queries.keys import key_uses
from penstock.store.spans.queries.metrics import measure
from penstock.store.spans.queries.models import books, model_stats, provider_stats
from penstock.store.spans.queries.overview import overview
from penstock.store.spans.queries.people import (
    ActivityCalls,
    ActivityOrder,
    ActivityPage,
    ActivityPlace,
    activities,
    activity,
)
from penstock.store.spans.queries.routes import route_stats
from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace, list_scores
from penstock.store.spans.queries.search import Candidates
from penstock.store.spans.queries.spend import (
    Area,
    Peak,
    PeakOf,
    Saved,
    Spending,
    Top,
    TopOf,
    peak,
    recorded,
    saved,
    spenders,
    spending,
)
from penstock.store.spans.queries.trace import span, trace
from penstock.store.spans.queries.traces import (
    NEWEST,
    Order,
    Page,
    Place,
    list_calls,
    list_spans,
    newest_row,
    rows_after,
)
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import (
    Books,
    Facet,
    Facets,
    Groups,
    ModelStat,
    Overview,
    ProviderStat,
    RouteStats,
    ScoreRow,
    SpanView,
    TraceRow,
    TraceView,
)

__all__ = ["Questions"]


class Questions:
    """What is asked of a store of spans. Every method blocks, and raises `Unavailable` while the store is down.

    Args:
        engine: Who answers.
        candidates: Where a search need only look, when the store has an index of words.
    """

    def __init__(self, engine: Engine, *, candidates: Candidates | None = None) -> None:
        self._asked = engine
        self._candidates = candidates

    @property
    def engine(self) -> Engine:
        """Who answers, for questions that are not the console's: those of a migration."""
        return self._asked

    def list_calls(
        self,
        window: Window,
        *,
        where: Node | None = None,
        after: Place | None = None,
        limit: int = 50,
        order: Order = NEWEST,
    ) -> Page:
        """Calls and roots of traces; see `queries.traces`."""
        return list_calls(
            self._asked,
            window,
            where=where,
            after=after,
            limit=limit,
            order=order,
            monotonic=time.monotonic,
            candidates=self._candidates,
        )

    def list_spans(
        self,
        window: Window,
        *,
        where: Node | None = None,
        after: Place | None = None,
        limit: int = 50,
        order: Order = NEWEST,
    ) -> Page:
        """Spans of any kind."""
        return list_spans(
            self._asked,
            window,
            where=where,
            after=after,
            limit=limit,
            order=order,
            monotonic=time.monotonic,
            candidates=self._candidates,
        )

    def list_scores(self, wanted: ScoreFilter, *, after: ScorePlace | None = None, limit: int = 50) -> list[ScoreRow]:
        """Scores, the newest first; see `queries.scores`."""
        return list_scores(self._asked, wanted, after=after, limit=limit)

    def newest_row(self) -> int:
        """A mark for `rows_after`."""
        return newest_row(self._asked)

    def rows_after(
        self, project: str, *, mark: int, where: Node | None = None, limit: int = 200
    ) -> tuple[list[TraceRow], int]:
        """Calls stored since the mark, newest first, and the new mark."""
        return rows_after(self._asked, project, mark=mark, where=where, limit=limit)

    def key_uses(self, *, mark: int) -> tuple[dict[str, int], int]:
        """When keys were last used, among the spans stored since the mark; and the new mark."""
        return key_uses(self._asked, mark=mark)

    def trace(self, project: str, trace_id: str, *, outlined: bool = False) -> TraceView | None:
        """All spans of one trace; of a large one without the texts, or as its outline."""
        return trace(self._asked, project, trace_id, outlined=outlined)

    def span(self, project: str, trace_id: str, span_id: str) -> SpanView | None:
        """One span with its texts."""
        return span(self._asked, project, trace_id, span_id)

    def facets(self, window: Window, column: str, *, where: Node | None = None) -> list[Facet]:
        """The values of one of `facets.FACET_COLUMNS`."""
        return facets(self._asked, window, column, where=where, candidates=self._candidates)

    def facets_of(
        self, window: Window, columns: Sequence[str], *, where: Node | None = None, exact: bool = False
    ) -> Facets:
        """The values of several of `facets.FACET_COLUMNS`, of the same calls; estimates under a common word."""
        return facets_of(self._asked, window, columns, where=where, candidates=self._candidates, exact=exact)

    def group_by(
        self,
        window: Window,
        columns: tuple[str, ...],
        *,
        where: Node | None = None,
        population: Population = "traces",
        limit: int = 50,
        exact: bool = False,
    ) -> Groups:
        """The largest groups by one or two columns; estimates under a common word.

        Raises `InvalidInput` (`invalid_metric`).
        """
        return group_by(
            self._asked,
            window,
            columns,
            where=where,
            population=population,
            limit=limit,
            candidates=self._candidates,
            exact=exact,
        )

    def sessions(
        self,
        window: Window,
        *,
        where: Node | None = None,
        order: ActivityOrder = "last",
        after: ActivityPlace | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """Sessions that did anything in the window; see `queries.people`."""
        return activities(
            self._asked,
            window,
            "session",
            where=where,
            order=order,
            after=after,
            limit=limit,
            candidates=self._candidates,
        )

    def users(
        self,
        window: Window,
        *,
        where: Node | None = None,
        order: ActivityOrder = "last",
        after: ActivityPlace | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """End users that did anything in the window; see `queries.people`."""
        return activities(
            self._asked, window, "user", where=where, order=order, after=after, limit=limit, candidates=self._candidates
        )

    def session(
        self, project: str, session: str, *, after: Place | None = None, limit: int = 100
    ) -> ActivityCalls | None:
        """One session with its newest calls in order of time; see `queries.people`."""
        return activity(self._asked, project, "session", session, after=after, limit=limit)

    def user(self, project: str, user: str, *, after: Place | None = None, limit: int = 100) -> ActivityCalls | None:
        """One end user, as `session`."""
        return activity(self._asked, project, "user", user, after=after, limit=limit)

    def export(
        self,
        window: Window,
        *,
        where: Node | None = None,
        columns: Sequence[str] = EXPORTED,
        format_: ExportFormat = "jsonl",
    ) -> Iterator[bytes]:
        """Spans as pieces of one file; see `queries.export`. Each piece blocks while it is made."""
        return export(self._asked, window, where=where, columns=columns, format_=format_, candidates=self._candidates)

    def overview(self, window: Window, *, points: int) -> Overview:
        """Totals, series and tops of a closed window."""
        return overview(self._asked, window, points=points)

    def model_stats(self, project: str, from_: int, to: int) -> list[ModelStat]:
        """What each model served in `[from_, to)`."""
        return model_stats(self._asked, Window(project=project, from_=from_, to=to))

    def provider_stats(self, project: str, from_: int, to: int) -> list[ProviderStat]:
        """How each provider did in `[from_, to)`."""
        return provider_stats(self._asked, Window(project=project, from_=from_, to=to))

    def route_stats(self, window: Window, route: str) -> RouteStats:
        """What a route and its variants served."""
        return route_stats(self._asked, window, route)

    def spending(self, area: Area, *, step: int, most: int, history: int) -> Spending:
        """What an area spent, and the course of those who spent most; see `queries.spend`."""
        return spending(self._asked, area, step=step, most=most, history=history)

    def spenders(self, area: Area, kinds: Sequence[TopOf]) -> dict[TopOf, list[Top]]:
        """Who is behind what an area spent."""
        return spenders(self._asked, area, kinds)

    def peak(self, area: Area, what: PeakOf, *, step: int) -> Peak | None:
        """The most that one counter of an area had in one step."""
        return peak(self._asked, area, what, step=step)

    def saved(self, project: str, from_: int, to: int, *, step: int) -> Saved:
        """What the cache answered and saved in `[from_, to)`."""
        return saved(self._asked, project, from_, to, step=step)

    def recorded(self, areas: Sequence[Area], *, segments: Sequence[str]) -> tuple[list[dict[str, int]], set[str]]:
        """What each area spent by the records, and which of the segments are stored; as of one moment."""
        return recorded(self._asked, areas, segments=segments)

    def measure(self, query: MetricQuery) -> MetricResult:
        """A metric over a window, by group and step."""
        return measure(self._asked, query, candidates=self._candidates)

    def distribution(self, query: DistributionQuery) -> Distribution:
        """How a field's values lie."""
        return distribution(self._asked, query, candidates=self._candidates)

    def books(self, window: Window) -> Books:
        """Counts and sums from the spans themselves, for reconciliation."""
        return books(self._asked, window)
