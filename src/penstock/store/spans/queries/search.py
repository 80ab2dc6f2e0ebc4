"""Search for text, the newest first: a page is sent when it is full, or when it has taken long enough."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import msgspec

from penstock.store.spans.conditions import filters_of
from penstock.store.spans.engine import Read, Rows, prepare
from penstock.store.spans.expressions import Values, sql
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.tree import Node

__all__ = ["TEXT_BLOCKS", "Candidates", "Choose", "Stretch", "search", "searches"]

FIRST_SLICE = 3_600_000_000
"""Microseconds of the newest slice where nothing is known of the spans; the next are wider where these are few."""
SLICE_ROWS = 16_384
"""Spans of one slice, about: some 50 ms of unpacking and searching text."""
BETWEEN_ROWS = 4096
"""Spans between two stretches, about, that are searched in vain rather than to ask twice."""
SEARCH_SECONDS = 0.4
"""A page is sent after this, full or not, with a place to search on from."""
QUICK_SECONDS = 0.03
"""A slice that took less, because other conditions left little to unpack, is followed by a wider one."""
_LONG = frozenset(("input", "output", "attributes", "usage_raw"))

Stretch = tuple[int, int]
"""A half-open stretch of time, microseconds."""

TEXT_BLOCKS = prepare(sql("SELECT block, low, high FROM text_blocks WHERE high > $low AND low < $high"), kept=True)
"""Blocks of the index of words: candidates are some of them, and samples are drawn from them."""


class Choose(Protocol):
    """The newest rows of a window that fit, `(started, span_id, ...)`, from a place on."""

    def __call__(self, window: Window, after: tuple[int, int] | None, limit: int) -> Rows: ...


class Candidates(Protocol):
    """Where spans can lie that fit: stretches of the window, the newest first. None: anywhere."""

    def __call__(self, read: Read, window: Window, where: Node | None) -> list[Stretch] | None: ...


def searches(where: Node | None) -> bool:
    """Whether the tree looks into long text."""
    return any(
        leaf.column in _LONG and leaf.operator == "contains" if isinstance(leaf, Filter) else True
        for leaf in filters_of(where)
    )


def search(
    read: Read,
    window: Window,
    stretches: list[Stretch] | None,
    *,
    choose: Choose,
    after: tuple[int, int] | None,
    limit: int,
    monotonic: Callable[[], float],
) -> tuple[Rows, int | None]:
    """Rows that fit, and where to go on when time ran out before `limit` + 1 were found."""
    oldest, newest = _extent(read, window)
    if oldest is None or newest is None:
        return [], None
    # Nothing that started with the place itself comes after it when it is between spans.
    high = newest + 1 if after is None else min(newest + 1, after[0] + (1 if after[1] else 0))
    begun = monotonic()
    found: Rows = []
    slices = _Slices(read, window, [(oldest, high)] if stretches is None else stretches, (oldest, high))
    for low, upto in slices:
        started = monotonic()
        part = msgspec.structs.replace(window, from_=low, to=upto)
        found += choose(part, after, limit + 1 - len(found))
        if len(found) > limit:
            break
        now = monotonic()
        slices.widen(quick=now - started < QUICK_SECONDS)
        if now - begun > SEARCH_SECONDS:
            return found, low if slices.left() else None
    return found, None


class _Slices:
    """Stretches cut where they hold many spans, and joined where they hold few: a query takes its time, too."""

    def __init__(self, read: Read, window: Window, stretches: Iterable[Stretch], extent: Stretch) -> None:
        oldest, high = extent
        self._read = read
        self._window = window
        self._stretches = [
            (max(low, oldest), min(upto, high)) for low, upto in stretches if low < high and upto > oldest
        ]
        self._at = 0
        self._width: int = FIRST_SLICE
        self._rows: int = SLICE_ROWS

    def __iter__(self) -> Iterator[tuple[int, int]]:
        while self._at < len(self._stretches):
            oldest, high = self._stretches[self._at]
            low, rows = _slice(
                self._read, self._window, oldest=oldest, high=high, width=self._width, most=2 * self._rows
            )
            self._width = (high - low) * (2 if rows < self._rows else 1)
            if low > oldest:
                self._stretches[self._at] = (oldest, low)
            else:
                low = self._joined(low, high, rows)
            yield low, high

    def _joined(self, low: int, high: int, rows: int) -> int:
        """Take the next stretches in, as far as few spans lie in them and between; where the slice begins then."""
        self._at += 1
        rate = rows / (high - low)
        last = self._at
        while last < len(self._stretches):
            below, above = self._stretches[last]
            if (low - above) * rate > BETWEEN_ROWS or (high - below) * rate > self._rows:
                break
            low = below
            last += 1
        while last > self._at:
            low = self._stretches[last - 1][0]
            if _count(self._read, self._window, low, high) <= 2 * self._rows:
                self._at = last
                self._width = max(self._width, high - low)
                return low
            last = (self._at + last) // 2
        return self._stretches[self._at - 1][0]

    def widen(self, *, quick: bool) -> None:
        if quick:
            self._rows *= 2
            self._width *= 2

    def left(self) -> bool:
        return self._at < len(self._stretches)


def _slice(read: Read, window: Window, *, oldest: int, high: int, width: int, most: int) -> tuple[int, int]:
    """Where a slice begins that ends at `high` and is as wide as asked, or as its spans allow; and their number."""
    while True:
        low = max(oldest, high - width)
        rows = _count(read, window, low, high)
        if rows <= most or width == 1:
            return low, rows
        width = max(1, width // 2)


def _count(read: Read, window: Window, low: int, high: int) -> int:
    values: Values = {}
    part = msgspec.structs.replace(window, from_=low, to=high)
    ((rows,),) = read(sql("SELECT count(*) FROM spans").where(*within(part, values)), values)
    return rows


def _extent(read: Read, window: Window) -> tuple[int | None, int | None]:
    values: Values = {}
    query = sql("SELECT min(started), max(started) FROM spans").where(*within(window, values))
    ((oldest, newest),) = read(query, values)
    return oldest, newest
