"""Scores as lines of JSON or as a table of text."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from penstock.store.spans.queries.scores import ScorePlace
from penstock.store.spans.types import ScoreRow

__all__ = ["ScoreFormat", "score_file"]

ScoreFormat = Literal["jsonl", "csv"]
PAGE: Final = 1_000
"""Scores that are in memory at once."""
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS: Final = ScoreRow.__struct_fields__
Ask = Callable[[ScorePlace | None, int], list[ScoreRow]]


def score_file(ask: Ask, form: ScoreFormat) -> Iterator[bytes]:
    """A file of all scores, the newest first, a page at a time.

    Args:
        ask: Gives the scores after a place, at most so many.
        form: What kind of file. A cell of a table that a spreadsheet would take for a formula begins with `'`.
    """
    if form == "csv":
        yield _table([list(_COLUMNS)])
    place: ScorePlace | None = None
    while rows := ask(place, PAGE):
        place = ScorePlace(rows[-1].created, rows[-1].id)
        yield _lines(rows) if form == "jsonl" else _table([_cells(row) for row in rows])
        if len(rows) < PAGE:
            return


def _lines(rows: list[ScoreRow]) -> bytes:
    return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


def _cells(row: ScoreRow) -> list[str]:
    return [_cell(getattr(row, name)) for name in _COLUMNS]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def _table(rows: list[list[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerows(rows)
    return buffer.getvalue().encode()
