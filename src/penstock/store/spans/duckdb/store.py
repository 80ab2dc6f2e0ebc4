"""The span store: one engine, the questions of the console."""

import time
from collections.abc import Sequence
from pathlib import Path

from penstock.core.clock import Clock
from penstock.store.spans.duckdb.engine import DuckDbEngine
from penstock.store.spans.duckdb.loader import Loaded, load
from penstock.store.spans.duckdb.rollup import forget_segments, roll_up
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.facets import facets
from penstock.store.spans.queries.keys import key_uses
from penstock.store.spans.queries.models import books, model_stats, provider_stats
from penstock.store.spans.queries.overview import overview
from penstock.store.spans.queries.routes import route_stats
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
from penstock.store.spans.queries.trace import trace
from penstock.store.spans.queries.traces import Page, Place, list_calls, newest_row, rows_after
from penstock.store.spans.queries.window import Window
from penstock.store.spans.types import Books, Facet, ModelStat, Overview, ProviderStat, RouteStats, TraceRow, TraceView

__all__ = ["DuckDbSpanStore", "open_spans"]

SETTLED = 600_000_000
"""Microseconds after its end when an hour is summed up: late records have come by then, or make it pending again."""
REMEMBERED = 7 * 24 * 3600 * 1_000_000
"""Microseconds for which the name of a stored segment is kept. Its file is removed within seconds."""


class DuckDbSpanStore:
    """Spans in one DuckDB file. Every method blocks; call from a thread. Threads may share the store.

    Every method raises `Unavailable` (`span_store_unavailable`) while the file cannot be used.

    Args:
        path: The database file; made when it is first needed.
        journal: Folder of the segments.
        quarantine: Folder for lines that are no spans; inside `journal`.
        clock: Time of ingestion.
    """

    def __init__(self, path: Path, *, journal: Path, quarantine: Path, clock: Clock) -> None:
        self._engine = DuckDbEngine(path, readable=(journal,))
        self._journal = journal
        self._quarantine = quarantine
        self._clock = clock

    def close(self) -> None:
        """Fold the log into the file and release it."""
        self._engine.close()

    # What is stored

    def load(self, segments: Sequence[Path]) -> list[Loaded]:
        """Store sealed segments exactly once; see `loader.load`."""
        return load(self._engine, segments, quarantine=self._quarantine, clock=self._clock)

    def maintain(self) -> int:
        """Sum up hours that have settled, at most a day's worth; returns how many. Call again while it is not 0."""
        now = self._clock.now()
        forget_segments(self._engine, before=now - REMEMBERED, waiting=self._journal)
        return roll_up(self._engine, before=now - SETTLED)

    def compact(self) -> None:
        """Fold the log into the file now; otherwise this happens by itself, now and then."""
        self._engine.compact()

    def disk_bytes(self) -> int:
        """Bytes of the file and its log."""
        return self._engine.disk_bytes()

    def count_spans(self) -> int:
        """Spans stored, of all projects."""
        return self._engine.count()

    # What is asked

    def list_calls(
        self,
        window: Window,
        *,
        filters: Sequence[Filter] = (),
        text: str | None = None,
        after: Place | None = None,
        limit: int = 50,
    ) -> Page:
        """Calls and root spans, newest first."""
        return list_calls(
            self._engine,
            window,
            filters=filters,
            text=text,
            after=after,
            limit=limit,
            monotonic=time.monotonic,
        )

    def newest_row(self) -> int:
        """A mark for `rows_after`."""
        return newest_row(self._engine)

    def rows_after(
        self, project: str, *, mark: int, filters: Sequence[Filter] = (), text: str | None = None, limit: int = 200
    ) -> tuple[list[TraceRow], int]:
        """Calls stored since the mark, newest first, and the new mark."""
        return rows_after(self._engine, project, mark=mark, filters=filters, text=text, limit=limit)

    def key_uses(self, *, mark: int) -> tuple[dict[str, int], int]:
        """When keys were last used, among the spans stored since the mark; and the new mark."""
        return key_uses(self._engine, mark=mark)

    def trace(self, project: str, trace_id: str) -> TraceView | None:
        """All spans of one trace."""
        return trace(self._engine, project, trace_id)

    def facets(self, window: Window, column: str) -> list[Facet]:
        """The values of one of `facets.FACET_COLUMNS`."""
        return facets(self._engine, window, column)

    def overview(self, window: Window, *, points: int) -> Overview:
        """Totals, series and tops of a closed window."""
        return overview(self._engine, window, points=points)

    def model_stats(self, project: str, from_: int, to: int) -> list[ModelStat]:
        """What each model served in `[from_, to)`."""
        return model_stats(self._engine, Window(project=project, from_=from_, to=to))

    def provider_stats(self, project: str, from_: int, to: int) -> list[ProviderStat]:
        """How each provider did in `[from_, to)`."""
        return provider_stats(self._engine, Window(project=project, from_=from_, to=to))

    def route_stats(self, window: Window, route: str) -> RouteStats:
        """What a route and its variants served."""
        return route_stats(self._engine, window, route)

    def spending(self, area: Area, *, step: int, most: int, history: int) -> Spending:
        """What an area spent, and the course of those who spent most; see `queries.spend`."""
        return spending(self._engine, area, step=step, most=most, history=history)

    def spenders(self, area: Area, kinds: Sequence[TopOf]) -> dict[TopOf, list[Top]]:
        """Who is behind what an area spent."""
        return spenders(self._engine, area, kinds)

    def peak(self, area: Area, what: PeakOf, *, step: int) -> Peak | None:
        """The most that one counter of an area had in one step."""
        return peak(self._engine, area, what, step=step)

    def saved(self, project: str, from_: int, to: int, *, step: int) -> Saved:
        """What the cache answered and saved in `[from_, to)`."""
        return saved(self._engine, project, from_, to, step=step)

    def recorded(self, areas: Sequence[Area], *, segments: Sequence[str]) -> tuple[list[dict[str, int]], set[str]]:
        """What each area spent by the records, and which of the segments are stored; as of one moment."""
        return recorded(self._engine, areas, segments=segments)

    def books(self, window: Window) -> Books:
        """Counts and sums from the spans themselves, for reconciliation."""
        return books(self._engine, window)


def open_spans(path: Path, *, clock: Clock, journal: Path | None = None) -> DuckDbSpanStore:
    """The store of an installation; the journal lies beside the file unless said otherwise. Opens nothing yet."""
    folder = path.parent / "journal" if journal is None else journal
    return DuckDbSpanStore(path, journal=folder, quarantine=folder / "quarantine", clock=clock)
