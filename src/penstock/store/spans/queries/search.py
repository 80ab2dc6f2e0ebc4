"""Search for text, the newest first: a page is sent when it is full, or when it has taken long enough."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from penstock.store.spans.conditions import filters_of
from penstock.store.spans.engine import Read, Rows
from penstock.store.spans.expressions import Values, sql
from penstock.store.spans.filters import Filter
from penstock.store.spans.queries.window import Window, within
from penstock.store.spans.tree import Node

__all__ = ["Choose", "search", "searches"]

FIRST_SLICE = 3_600_000_000
"""Microseconds of the newest slice; its successors are wider where spans are few."""
SLICE_ROWS = 16_384
"""Spans of one slice, about: some 50 ms of unpacking and searching text."""
SEARCH_SECONDS = 0.4
"""A page is sent after this, full or not, with a place to search on from."""
_LONG = frozenset(("input", "output", "attributes", "usage_raw"))


class Choose(Protocol):
    """The newest rows of a window that fit, `(started, span_id, ...)`, from a place on."""

    def __call__(self, window: Window, after: tuple[int, int] | None, limit: int) -> Rows: ...


def searches(where: Node | None) -> bool:
    """Whether the tree looks into long text."""
    return any(
        leaf.column in _LONG and leaf.operator == "contains" if isinstance(leaf, Filter) else True
        for leaf in filters_of(where)
    )


def search(
    read: Read,
    window: Window,
    where: Node | None,
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
    high = newest + 1 if after is None else min(newest, after[0]) + 1
    width = FIRST_SLICE
    begun = monotonic()
    found: Rows = []
    while high > oldest and len(found) <= limit:
        low, rows = _slice(read, window, oldest=oldest, high=high, width=width)
        part = msgspec.structs.replace(window, from_=low, to=high)
        found += choose(part, after, limit + 1 - len(found))
        width = (high - low) * (2 if rows < SLICE_ROWS else 1)
        high = low
        if len(found) <= limit and monotonic() - begun > SEARCH_SECONDS:
            return found, high if high > oldest else None
    return found, None


def _slice(read: Read, window: Window, *, oldest: int, high: int, width: int) -> tuple[int, int]:
    """Where a slice begins that ends at `high` and is as wide as asked, or as its spans allow; and their number."""
    while True:
        low = max(oldest, high - width)
        part = msgspec.structs.replace(window, from_=low, to=high)
        values: Values = {}
        ((rows,),) = read(sql("SELECT count(*) FROM spans").where(*within(part, values)), values)
        if rows <= 2 * SLICE_ROWS or width == 1:
            return low, rows
        width = max(1, width // 2)


def _extent(read: Read, window: Window) -> tuple[int | None, int | None]:
    values: Values = {}
    query = sql("SELECT min(started), max(started) FROM spans").where(*within(window, values))
    ((oldest, newest),) = read(query, values)
    return oldest, newest
