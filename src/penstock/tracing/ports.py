"""What tracing needs from a store of spans."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from penstock.store.spans.deletion import Deleted, DiskUse, Remaining, Selection
from penstock.store.spans.loaded import Loaded
from penstock.store.spans.metrics import Distribution, DistributionQuery, MetricQuery, MetricResult, Population
from penstock.store.spans.queries.export import EXPORTED, ExportFormat
from penstock.store.spans.queries.people import ActivityCalls, ActivityOrder, ActivityPage, ActivityPlace
from penstock.store.spans.queries.traces import NEWEST, Order, Page, Place
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
    SpanView,
    TraceRow,
    TraceView,
)

__all__ = ["DeletionStore", "MetricStore", "SpanStore"]


class SpanStore(Protocol):
    """Every method blocks, may be called from any thread, and raises `Unavailable` while the store is down."""

    def load(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store sealed segments, each exactly once, whatever crashes when."""
        ...

    def load_intake(self, segments: Sequence[Path]) -> list[Loaded]:
        """As `load`, of what applications sent: a span that is stored already is not stored again."""
        ...

    def load_scores(self, segments: Sequence[Path]) -> list[Loaded]:
        """As `load`, of scores: one replaces an older one with the same id."""
        ...

    def delete_scores(self, project: str, ids: Sequence[str]) -> int:
        """Delete scores that are stored; how many there were."""
        ...

    def maintain(self) -> int:
        """Some upkeep; how much was done. 0 means that nothing is left to do for now."""
        ...

    def disk_bytes(self) -> int: ...

    def disk_use(self) -> DiskUse:
        """Bytes on disk, by what they hold."""
        ...

    def count_spans(self) -> int: ...

    def list_calls(
        self,
        window: Window,
        *,
        where: Node | None = None,
        after: Place | None = None,
        limit: int = 50,
        order: Order = NEWEST,
    ) -> Page:
        """Calls and roots of traces, by default the newest first."""
        ...

    def list_spans(
        self,
        window: Window,
        *,
        where: Node | None = None,
        after: Place | None = None,
        limit: int = 50,
        order: Order = NEWEST,
    ) -> Page:
        """Spans of any kind, as `list_calls`."""
        ...

    def newest_row(self) -> int:
        """A mark in the order of storage."""
        ...

    def rows_after(
        self, project: str, *, mark: int, where: Node | None = None, limit: int = 200
    ) -> tuple[list[TraceRow], int]:
        """Calls stored since the mark, newest first, and the new mark."""
        ...

    def key_uses(self, *, mark: int) -> tuple[dict[str, int], int]:
        """When keys were last used (microseconds by key id), among spans stored since the mark; and the new mark."""
        ...

    def trace(self, project: str, trace_id: str, *, outlined: bool = False) -> TraceView | None:
        """All spans of one trace; of a large one without the long columns, or as its outline."""
        ...

    def span(self, project: str, trace_id: str, span_id: str) -> SpanView | None:
        """One span with everything that is known of it; a large trace comes without its long columns."""
        ...

    def facets(self, window: Window, column: str, *, where: Node | None = None) -> list[Facet]: ...

    def facets_of(
        self, window: Window, columns: Sequence[str], *, where: Node | None = None, exact: bool = False
    ) -> Facets:
        """The values of several columns, of the same calls and roots; sampled where much is read, unless `exact`."""
        ...

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
        """The largest groups by one or two columns; from a sample where much would be read, unless `exact`.

        Raises:
            InvalidInput: there is no grouping by these (`invalid_metric`).
        """
        ...

    def sessions(
        self,
        window: Window,
        *,
        where: Node | None = None,
        order: ActivityOrder = "last",
        after: ActivityPlace | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """Sessions that did anything in the window, with what they did in it; those with most first."""
        ...

    def users(
        self,
        window: Window,
        *,
        where: Node | None = None,
        order: ActivityOrder = "last",
        after: ActivityPlace | None = None,
        limit: int = 50,
    ) -> ActivityPage:
        """End users, likewise."""
        ...

    def session(
        self, project: str, session: str, *, after: Place | None = None, limit: int = 100
    ) -> ActivityCalls | None:
        """One session with the newest of its calls from a place on, in order of time."""
        ...

    def user(self, project: str, user: str, *, after: Place | None = None, limit: int = 100) -> ActivityCalls | None:
        """One end user, as `session`."""
        ...

    def export(
        self,
        window: Window,
        *,
        where: Node | None = None,
        columns: Sequence[str] = EXPORTED,
        format_: ExportFormat = "jsonl",
    ) -> Iterator[bytes]:
        """Spans as pieces of one file, the oldest first, in bounded memory. A piece blocks while it is made.

        Raises:
            InvalidInput: there is no such column or format; at once.
        """
        ...

    def overview(self, window: Window, *, points: int) -> Overview: ...

    def model_stats(self, project: str, from_: int, to: int) -> list[ModelStat]: ...

    def route_stats(self, window: Window, route: str) -> RouteStats: ...

    def provider_stats(self, project: str, from_: int, to: int) -> list[ProviderStat]: ...

    def books(self, window: Window) -> Books: ...


class DeletionStore(Protocol):
    """What deletion and retention need. Methods block; any thread may call; `Unavailable` while the store is down."""

    def delete_batch(self, selection: Selection, *, job: str) -> Deleted:
        """Delete a bounded part of the selection with all that was made of it, or nothing. To be called again while
        there is more; after a crash it goes on where it was.
        """
        ...

    def remaining(self, selection: Selection) -> Remaining:
        """What of the selection is stored."""
        ...

    def forget_deletion(self, job: str) -> None:
        """The job is over; what was counted for it is no longer needed."""
        ...

    def compact(self) -> None:
        """Give back what is empty, as far as the engine can."""
        ...


class MetricStore(Protocol):
    """What dashboards, alerts and objectives ask. Methods block; any thread may call; `Unavailable` while down."""

    def measure(self, query: MetricQuery) -> MetricResult:
        """A metric over a window, by group and step.

        Raises:
            InvalidInput: the field or a column cannot be used so (`invalid_metric`).
        """
        ...

    def distribution(self, query: DistributionQuery) -> Distribution:
        """How a field's values lie. Raises as `measure`."""
        ...
