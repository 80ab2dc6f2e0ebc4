"""Files of spans and scores."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Final

from penstock.core.errors import InvalidInput, RateLimited
from penstock.store.spans.queries.export import EXPORTED, ExportFormat
from penstock.store.spans.queries.scores import ScoreFilter, ScorePlace
from penstock.store.spans.queries.traces import Place
from penstock.store.spans.queries.window import Window
from penstock.store.spans.tree import Node
from penstock.store.spans.types import ScoreRow, TraceRow
from penstock.tracing.exports.ports import ExportStore
from penstock.tracing.exports.rows import row_file
from penstock.tracing.query.fields import nearest
from penstock.tracing.query.names import KeyNames
from penstock.tracing.types import Asked

__all__ = ["MEDIA_TYPES", "Export", "ExportService"]

MOST_AT_ONCE: Final = 3
"""Exports that run at one time: each holds a snapshot of the store and up to some tens of megabytes."""
PAGE: Final = 1_000
"""Rows of lists that are in memory at once."""
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
        key_names: Names of a project's keys by id.
    """

    def __init__(self, store: ExportStore, *, where: Where, key_names: KeyNames) -> None:
        self._store = store
        self._where = where
        self._key_names = key_names
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    def spans(self, project: str, asked: Asked, *, form: ExportFormat, columns: Sequence[str] = EXPORTED) -> Export:
        """A file of the spans that fit, the oldest first.

        Raises:
            InvalidInput: the search, the window or a column is wrong.
            RateLimited: enough exports run already.
            Unavailable: the store is down.
        """
        window = _window(project, asked)
        if not columns:
            raise InvalidInput("A file has one column at least.", field="columns", code="invalid_column")
        for name in columns:
            _check_column(name)
        where = self._where(project, asked)
        ask = partial(self._store.export, window, where=where, columns=columns, format_=form)
        return Export(self._admitted(ask))

    def traces(self, project: str, asked: Asked, *, form: ExportFormat) -> Export:
        """A file of calls and roots as they are listed, the newest first. Raises as `spans`."""
        window = _window(project, asked)
        where = self._where(project, asked)
        names = self._key_names(project)

        def pages() -> Iterator[list[TraceRow]]:
            place: Place | None = None
            while True:
                page = self._store.list_calls(window, where=where, after=place, limit=PAGE)
                for row in page.rows:
                    row.key_name = names.get(row.key or "")
                yield page.rows
                if (place := page.next) is None:
                    return

        return Export(self._admitted(lambda: row_file(TraceRow, pages(), form)))

    def scores(self, wanted: ScoreFilter, *, form: ExportFormat) -> Export:
        """A file of scores, the newest first. Raises as `spans`."""

        def pages() -> Iterator[list[ScoreRow]]:
            place: ScorePlace | None = None
            while rows := self._store.list_scores(wanted, after=place, limit=PAGE):
                yield rows
                if len(rows) < PAGE:
                    return
                place = ScorePlace(rows[-1].created, rows[-1].id)

        return Export(self._admitted(lambda: row_file(ScoreRow, pages(), form)))

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


def _window(project: str, asked: Asked) -> Window:
    if asked.from_ is not None and asked.to is not None and asked.from_ >= asked.to:
        raise InvalidInput(
            f"The window is empty: `from` is {asked.from_}, `to` is {asked.to}; expected from < to.", field="from"
        )
    return Window(project=project, from_=asked.from_, to=asked.to)


def _check_column(name: str) -> None:
    if name not in EXPORTED:
        raise InvalidInput(
            f"There is no column {name[:64]!r} to export.",
            field="columns",
            hint=nearest(name, EXPORTED),
            code="invalid_column",
        )
