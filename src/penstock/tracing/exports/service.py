"""Files of spans and scores."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Final

from penstock.core.errors import InvalidInput, RateLimited
from penstock.store.spans.queries.export import EXPORTED, ExportFormat
from penstock.store.spans.queries.scores import ScoreFilter
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.tracing.exports.ports import ExportStore
from penstock.tracing.exports.scores import ScoreFormat, score_file
from penstock.tracing.query.fields import nearest
from penstock.tracing.types import Asked

__all__ = ["MEDIA_TYPES", "Export", "ExportService"]

MOST_AT_ONCE: Final = 3
"""Exports that run at one time: each holds a snapshot of the store and up to some tens of megabytes."""
MEDIA_TYPES: Final[dict[ExportFormat, str]] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
}
Where = Callable[[str, Asked], Node | None]
"""The conditions of a request as one tree."""


class Export:
    """A file, piece by piece. The first piece is there from the start; the next is made when it is asked for.

    Whoever stops before the end closes it.
    """

    def __init__(self, pieces: Generator[bytes]) -> None:
        self._pieces = pieces
        self._first: bytes | None = next(pieces, None)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self._first = self._first, None
        return next(self._pieces) if piece is None else piece

    def close(self) -> None:
        """Give up what is held for it."""
        self._pieces.close()


class ExportService:
    """Makes files as fast as they are taken. Methods block, and so does what they give.

    Args:
        store: Where spans and scores are.
        where: Reads the conditions of a request.
    """

    def __init__(self, store: ExportStore, *, where: Where) -> None:
        self._store = store
        self._where = where
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    def spans(self, project: str, asked: Asked, *, form: ExportFormat, columns: Sequence[str] = EXPORTED) -> Export:
        """A file of the spans that fit, the oldest first.

        Raises:
            InvalidInput: the search, the window or a column is wrong.
            RateLimited: enough exports run already.
            Unavailable: the store is down.
        """
        if asked.from_ is not None and asked.to is not None and asked.from_ >= asked.to:
            raise InvalidInput(
                f"The window is empty: `from` is {asked.from_}, `to` is {asked.to}; expected from < to.", field="from"
            )
        if not columns:
            raise InvalidInput("A file has one column at least.", field="columns", code="invalid_column")
        for name in columns:
            _check_column(name)
        where = self._where(project, asked)
        window = Window(project=project, from_=asked.from_, to=asked.to)
        ask = partial(self._store.export, window, where=where, columns=columns, format_=form)
        return Export(self._admitted(ask))

    def scores(self, wanted: ScoreFilter, *, form: ScoreFormat) -> Export:
        """A file of scores, the newest first. Raises as `spans`."""

        def ask() -> Iterator[bytes]:
            return score_file(lambda after, limit: self._store.list_scores(wanted, after=after, limit=limit), form)

        return Export(self._admitted(ask))

    def _admitted(self, begin: Callable[[], Iterator[bytes]]) -> Generator[bytes]:
        if not self._room.acquire(blocking=False):
            raise RateLimited(
                f"{MOST_AT_ONCE} exports are running, and no more run at once.",
                limit="exports",
                retry_after=10,
                hint="Wait until one has ended.",
                code="too_many_exports",
            )
        try:
            yield from begin()
        finally:
            self._room.release()


def _check_column(name: str) -> None:
    if name not in EXPORTED:
        raise InvalidInput(
            f"There is no column {name[:64]!r} to export.",
            field="columns",
            hint=nearest(name, EXPORTED),
            code="invalid_column",
        )
