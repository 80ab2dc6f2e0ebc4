"""Rows of lists as files: calls and roots as the console lists them, scores.

A row is a record of the control API. As a line of JSON it is what the API sends; in a table a record within it, as
`usage`, is a column for each of its fields (`usage_input`), and what has no columns is JSON.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

import msgspec

from penstock.store.spans.files import PIECE_BYTES, Kind, csv_pieces, csv_text, parquet_pieces
from penstock.store.spans.queries.export import ExportFormat

__all__ = ["row_file"]

_KINDS: Final[dict[object, Kind]] = {
    int: "integer",
    float: "number",
    bool: "boolean",
    list[str]: "list",
    dict[str, str]: "map",
}
Take = Callable[[Any], Any]


def row_file(record: type[msgspec.Struct], pages: Iterator[Sequence[Any]], form: ExportFormat) -> Iterator[bytes]:
    """A file of all rows, a page at a time.

    Args:
        record: What a row is.
        pages: Rows; what is in memory at once is one page and one piece.
        form: What kind of file. In CSV, text that a spreadsheet would take for a formula begins with `'`.

    Raises:
        Unavailable: the extra for Parquet is missing; at once.
    """
    if form == "jsonl":
        return _lines(pages)
    columns = list(_columns(record))
    if form == "csv":
        rows = chain.from_iterable(pages)
        return csv_pieces(
            [name for name, _, _ in columns], ([_cell(take(row)) for _, _, take in columns] for row in rows)
        )
    batches = ([[_value(kind, take(row)) for _, kind, take in columns] for row in page] for page in pages)
    return parquet_pieces([(name, kind) for name, kind, _ in columns], batches)


def _lines(pages: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    encoder = msgspec.json.Encoder()
    buffer = bytearray()
    for page in pages:
        for row in page:
            encoder.encode_into(row, buffer, -1)
            buffer += b"\n"
            if len(buffer) > PIECE_BYTES:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)


def _columns(record: type[msgspec.Struct]) -> Iterator[tuple[str, Kind, Take]]:
    """Name, kind and where it is taken from, of each column."""
    for field in msgspec.structs.fields(record):
        type_: Any = field.type
        if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
            for inner, kind, take in _columns(type_):
                yield f"{field.name}_{inner}", kind, _within(field.name, take)
        else:
            yield field.name, _KINDS.get(_plain(type_), "text"), attrgetter(field.name)


def _plain(type_: Any) -> Any:
    """`int` of `int | None`."""
    if get_origin(type_) in {Union, UnionType}:
        others = [each for each in get_args(type_) if each is not type(None)]
        return others[0] if len(others) == 1 else None
    return type_


def _within(name: str, take: Take) -> Take:
    return lambda row: take(getattr(row, name))


def _cell(value: Any) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        value = msgspec.json.encode(value).decode() if value else ""
    return csv_text(value)


def _value(kind: Kind, value: Any) -> Any:
    if kind == "map":
        return list(value.items())
    if kind == "text" and value is not None and not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return value
