"""Rows under conditions on sums: told by few columns first, and looked at closely only where these leave a doubt.

To join rows with their sums is to read the ids of all rows and all sums of a window, and of rows all that is summed.
When a row started is told by one narrow column, and tells of most sums whether they are those of a row that can fit.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from penstock.store.spans.engine import Rows

__all__ = ["Likely", "Rest", "first_of"]

Key = Callable[[Sequence[Any]], Any]
"""What rows are sorted by."""


class Likely(Protocol):
    """Rows that may fit from a place on, some lists of at most `limit` each, in order: all that fit are in one of them.

    A row is `(started, span_id, place in storage, whether it is in doubt)`.
    """

    def __call__(self, after: Sequence[Any] | None, limit: int, /) -> list[Rows]: ...


class Rest(Protocol):
    """Rows that fit from a place on, however long that takes."""

    def __call__(self, after: Sequence[Any] | None, limit: int, /) -> Rows: ...


def first_of(likely: Likely, fit: Callable[[Rows], set[Any]], rest: Rest, *, limit: int, key: Key) -> Rows:
    """The first rows that fit, at most `limit`.

    Args:
        likely: Finds those that may.
        fit: Places of those rows in doubt that do.
        rest: Finds what is missing when most of what was likely does not fit.
        limit: How many.
        key: The order.
    """
    found: Rows = []
    after: Sequence[Any] | None = None
    while True:
        most = limit - len(found)
        lists = likely(after, most)
        # What one list left out may come before what the others hold beyond its last.
        ends = [rows[-1] for rows in lists if len(rows) == most]
        end = min(map(key, ends), default=None)
        rows = sorted(
            {row[2]: row for rows in lists for row in rows if end is None or key(row) <= end}.values(), key=key
        )
        doubtful = [row for row in rows if row[3]]
        known = fit(doubtful) if doubtful else set[Any]()
        fitting = [row for row in rows if not row[3] or row[2] in known]
        found += fitting
        if end is None or len(found) >= limit:
            return found[:limit]
        after = rows[-1]
        if 2 * len(fitting) < len(rows):
            return found + rest(after, limit - len(found))
