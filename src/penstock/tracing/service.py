"""What the console asks about calls."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path

from penstock import __version__
from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, PenstockError, Unavailable
from penstock.core.home import Home
from penstock.store.spans.metrics import Population
from penstock.store.spans.queries.facets import FACET_COLUMNS
from penstock.store.spans.queries.search import searches
from penstock.store.spans.queries.traces import NEWEST, SORTS, Order, Page
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ModelStat, Overview, ProviderStat, RouteStats, SpanView, TraceRow, TraceView
from penstock.tracing.cursors import cursor_of, place_of
from penstock.tracing.jobs import IngestJob
from penstock.tracing.ports import SpanStore
from penstock.tracing.query.fields import field_of
from penstock.tracing.query.names import KeyNames, QueryReader
from penstock.tracing.retention.disk import DiskWatch
from penstock.tracing.types import (
    Asked,
    ColumnFacets,
    FacetPage,
    FacetsPage,
    FacetValue,
    Flow,
    GroupPage,
    IngestProgress,
    JournalState,
    Paging,
    SystemState,
    TracePage,
)

__all__ = ["KeyNames", "TracingService"]

logger = logging.getLogger(__name__)

FIRST = Paging()
MAX_LIMIT = 200
MAX_POINTS = 1000
MAX_FACETS = 30
DEFAULT_WINDOW = 24 * 3600 * 1_000_000
"""Microseconds before `to` at which a window starts that names no start."""
KEEP_ALIVE_SECONDS = 15.0
_SPAN_ID = re.compile(r"[0-9a-fA-F]{16}\Z")
_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}\Z")


class TracingService:
    """Answers from the span store. All but `tail` block; call from a thread.

    Args:
        spans: The store.
        ingest: Tells of spans that have just been stored, and how ingestion does.
        clock: Now, for windows without an end.
        home: Whose disk use is reported.
        key_names: Names of keys.
        reader: Reads searches; by default one that knows the keys' names.
        flow: Tells how spans of applications come in, and how others are sent on.
    """

    def __init__(
        self,
        spans: SpanStore,
        ingest: IngestJob,
        *,
        clock: Clock,
        home: Home,
        key_names: KeyNames,
        reader: QueryReader | None = None,
        flow: Callable[[], Flow] = Flow,
    ) -> None:
        self._spans = spans
        self._flow = flow
        self._ingest = ingest
        self._clock = clock
        self._home = home
        self._disk = DiskWatch(spans, home=home, clock=clock)
        self._key_names = key_names
        self._reader = reader or QueryReader(key_names)

    def list_traces(self, project: str, asked: Asked, paging: Paging = FIRST) -> TracePage:
        """A page of calls and roots, by default the newest first.

        Raises:
            InvalidInput: the search, a filter, the sort, the cursor, the limit or the window is wrong.
            Unavailable: the store is down.
        """
        return self._page(self._spans.list_calls, project, asked, paging)

    def list_spans(self, project: str, asked: Asked, paging: Paging = FIRST) -> TracePage:
        """A page of spans of any kind. Raises as `list_traces`."""
        return self._page(self._spans.list_spans, project, asked, paging)

    def _page(self, ask: Callable[..., Page], project: str, asked: Asked, paging: Paging) -> TracePage:
        _check_range("limit", paging.limit, MAX_LIMIT)
        where = self._reader.where(project, asked)
        order = NEWEST if searches(where) else _order(paging.sort)
        window = _window(project, asked.from_, asked.to)
        page = ask(window, where=where, after=place_of(paging.cursor), limit=paging.limit, order=order)
        self._name_keys(project, page.rows)
        return TracePage(
            items=page.rows,
            sort=f"{'-' if order.descending else ''}{order.by}",
            next_cursor=None if page.next is None else cursor_of(page.next),
        )

    def trace(self, project: str, trace_id: str, *, outlined: bool = False) -> TraceView:
        """One trace with all its spans; a large one as an outline, when that is wanted.

        Raises:
            NotFound: the project has no such trace.
            Unavailable: the store is down.
        """
        known = _TRACE_ID.match(trace_id)
        found = self._spans.trace(project, trace_id.lower(), outlined=outlined) if known else None
        if found is None:
            raise NotFound(
                f"There is no trace {trace_id[:64]!r} in this project.",
                hint="A call is found here about a second after it has ended.",
                code="trace_not_found",
            )
        self._name_keys(project, found.spans)
        return found

    def span(self, project: str, trace_id: str, span_id: str) -> SpanView:
        """One span with everything that is known of it.

        Raises:
            NotFound: the project has no such span.
            Unavailable: the store is down.
        """
        known = _TRACE_ID.match(trace_id) and _SPAN_ID.match(span_id)
        found = self._spans.span(project, trace_id.lower(), span_id.lower()) if known else None
        if found is None:
            raise NotFound(
                f"There is no span {span_id[:32]!r} in a trace {trace_id[:64]!r} of this project.",
                code="span_not_found",
            )
        self._name_keys(project, [found])
        return found

    def facets(self, project: str, asked: Asked, *, column: str) -> FacetPage:
        """The values of a column, for filter menus.

        Raises:
            InvalidInput: the column has no menu, or the search or the window is wrong.
            Unavailable: the store is down.
        """
        _check_facet(column, "column")
        window = _window(project, asked.from_, asked.to)
        found = self._spans.facets(window, column, where=self._reader.where(project, asked))
        return FacetPage(items=found, next_cursor=None)

    def facets_of(self, project: str, asked: Asked, *, columns: Sequence[str], exact: bool = False) -> FacetsPage:
        """The values of several columns, all of the same calls; where much would be read, from a sample unless `exact`.

        Raises as `facets`.
        """
        if not 1 <= len(columns) <= MAX_FACETS:
            raise InvalidInput(f"1 to {MAX_FACETS} columns can be asked for, got {len(columns)}.", field="columns")
        for column in columns:
            _check_facet(column, "columns")
        window = _window(project, asked.from_, asked.to)
        found = self._spans.facets_of(window, columns, where=self._reader.where(project, asked), exact=exact)
        names: Mapping[str, str] = self._key_names(project) if found.columns.get("key") else {}
        return FacetsPage(
            items=[
                ColumnFacets(
                    column=column,
                    values=[
                        FacetValue(
                            value=facet.value,
                            name=names.get(facet.value or "") if column == "key" else None,
                            count=facet.count,
                            margin=facet.margin,
                        )
                        for facet in found.columns[column]
                    ],
                )
                for column in dict.fromkeys(columns)
            ],
            next_cursor=None,
            estimated=found.sample < 1,
            sample=found.sample,
        )

    def groups(
        self,
        project: str,
        asked: Asked,
        *,
        by: Sequence[str],
        population: Population = "traces",
        limit: int = 50,
        exact: bool = False,
    ) -> GroupPage:
        """The largest groups by one or two fields; where much would be read, from a sample unless `exact`.

        Raises:
            InvalidInput: a field cannot be grouped by, or the search, the limit or the window is wrong.
            Unavailable: the store is down.
        """
        _check_range("limit", limit, MAX_LIMIT)
        if not 1 <= len(by) <= 2:
            raise InvalidInput(f"Groups are made by one or two fields, got {len(by)}.", field="by")
        fields = tuple(_grouped(name) for name in by)
        window = _window(project, asked.from_, asked.to)
        where = self._reader.where(project, asked)
        found = self._spans.group_by(window, fields, where=where, population=population, limit=limit, exact=exact)
        if "key" in fields and found.rows:
            names = self._key_names(project)
            place = fields.index("key")
            for row in found.rows:
                labels = list(row.labels)
                labels[place] = names.get(labels[place] or "", labels[place])
                row.labels = tuple(labels)
        return GroupPage(items=found.rows, next_cursor=None, estimated=found.sample < 1, sample=found.sample)

    def overview(self, project: str, *, from_: int | None = None, to: int | None = None, points: int = 60) -> Overview:
        """Totals, series and tops of a window; by default the last day.

        Raises:
            InvalidInput: the window or `points` is wrong.
            Unavailable: the store is down.
        """
        _check_range("points", points, MAX_POINTS)
        end = self._clock.now() if to is None else to
        window = _window(project, end - DEFAULT_WINDOW if from_ is None else from_, end)
        overview = self._spans.overview(window, points=points)
        if overview.top.keys:
            names = self._key_names(project)
            for top in overview.top.keys:
                top.name = names.get(top.id, top.id)
        return overview

    def model_stats(self, project: str, from_: int, to: int) -> list[ModelStat]:
        """What each model served in `[from_, to)`. Raises `Unavailable` while the store is down."""
        return self._spans.model_stats(project, from_, to)

    def provider_stats(self, project: str, from_: int, to: int) -> list[ProviderStat]:
        """How each provider did in `[from_, to)`. Raises `Unavailable` while the store is down."""
        return self._spans.provider_stats(project, from_, to)

    def route_stats(self, project: str, route: str, from_: int, to: int) -> RouteStats:
        """What a route served in `[from_, to)`. Raises `Unavailable` while the store is down."""
        return self._spans.route_stats(Window(project=project, from_=from_, to=to), route)

    def system(self, *, visible: Callable[[str], bool] = lambda _: True) -> SystemState:
        """How the journal, ingestion and the disk are. Answers while the store is down, too.

        Args:
            visible: Whether a project, by its id, is there for whoever asks.
        """
        state = self._ingest.state
        try:
            stored = self._spans.count_spans()
        except Unavailable:
            stored = state.stored_spans
        flow = self._flow()
        return SystemState(
            version=__version__,
            journal=JournalState(
                waiting_segments=state.waiting_segments,
                waiting_bytes=state.waiting_bytes,
                quarantined=sum(_lines(path) for path in self._home.quarantine.glob("*.ndjson")),
            ),
            ingest=IngestProgress(stored_spans=stored, last_ingested=state.last_ingested, error=state.error),
            disk=self._disk.state(visible),
            intake=flow.intake,
            exports=flow.exports,
        )

    def check_tail(self, project: str, asked: Asked) -> Node | None:
        """What a tail is to show, checked before it starts. Raises `InvalidInput`."""
        return self._reader.where(project, asked)

    async def tail(
        self, project: str, *, where: Node | None = None, after: int | None = None
    ) -> AsyncGenerator[TraceRow | None]:
        """Calls as they are stored, oldest first; None now and then, so that a quiet stream stays open.

        First come those that started after `after`. At most 200 come at once; the list has all.
        """
        with self._ingest.tail() as tail:
            mark: int | None = None
            sent: set[str] = set()
            while True:
                try:
                    if mark is None:
                        mark = await asyncio.to_thread(self._spans.newest_row)
                        rows = await asyncio.to_thread(self._since, project, where, after)
                        sent = {row.span_id for row in rows}
                    else:
                        rows, mark = await asyncio.to_thread(self._spans.rows_after, project, mark=mark, where=where)
                        rows = [row for row in rows if row.span_id not in sent]
                    await asyncio.to_thread(self._name_keys, project, rows)
                except PenstockError as error:
                    # The stream outlives the store's being down, as the page that shows it does.
                    logger.warning("a live tail waits: %s", error)
                    rows = []
                for row in reversed(rows):
                    yield row
                yield None
                while not await tail.wait(KEEP_ALIVE_SECONDS):
                    yield None

    def _since(self, project: str, where: Node | None, after: int | None) -> list[TraceRow]:
        if after is None:
            return []
        window = Window(project=project, from_=after + 1)
        return self._spans.list_calls(window, where=where, limit=MAX_LIMIT).rows

    def _name_keys(self, project: str, rows: Sequence[TraceRow] | Sequence[SpanView]) -> None:
        names: Mapping[str, str] | None = None
        for row in rows:
            if row.key is not None:
                names = self._key_names(project) if names is None else names
                row.key_name = names.get(row.key)


def _check_facet(column: str, field: str) -> None:
    if column not in FACET_COLUMNS and not (column.startswith("tags.") and column != "tags."):
        raise InvalidInput(
            f"The column {column[:64]!r} has no list of values.",
            field=field,
            hint=f"These have: {', '.join(sorted(FACET_COLUMNS))}, tags.NAME.",
            code="invalid_column",
        )


def _grouped(name: str) -> str:
    try:
        return field_of(name).name
    except InvalidInput as error:
        raise InvalidInput(f"{error.message}.", field="by", hint=error.hint, code="invalid_metric") from None


def _check_range(name: str, value: int, highest: int) -> None:
    if not 1 <= value <= highest:
        raise InvalidInput(f"{name} lies between 1 and {highest}, got {value}.", field=name)


def _window(project: str, from_: int | None, to: int | None) -> Window:
    if from_ is not None and to is not None and from_ >= to:
        raise InvalidInput(f"The window is empty: `from` is {from_}, `to` is {to}; expected from < to.", field="from")
    return Window(project=project, from_=from_, to=to)


def _order(sort: str | None) -> Order:
    if sort is None:
        return NEWEST
    for name in SORTS:
        if sort.removeprefix("-") == name:
            return Order(by=name, descending=sort.startswith("-"))
    raise InvalidInput(
        f"A list is sorted by {', '.join(SORTS)}, got {sort[:64]!r}.",
        field="sort",
        hint="With a - before it the largest come first: -duration.",
        code="invalid_sort",
    )


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
