"""Rows from files of the user's: JSONL, CSV and Parquet, read a piece at a time."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.formats import Record, format_of, read_records
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import Columns

__all__ = ["chunked", "read_rows"]

SUFFIXES: Final = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")


def read_rows(path: Path, columns: Columns, *, limit: int | None = None) -> Iterator[NewRow]:
    """The rows of a file, one at a time.

    Args:
        path: `.jsonl`, `.ndjson`, `.csv`, `.tsv` or `.parquet`.
        columns: Which fields are what.
        limit: The first so many.

    Raises:
        InvalidInput: it cannot be read; says which line.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"Expected a file of rows, {', '.join(SUFFIXES)}, got {path.name!r}.", field="dataset")
    for place, record in islice(_records(path), limit):
        yield _row(record, columns, place=place, defaulted=columns == Columns())


def chunked(rows: Iterable[NewRow], *, most: int, size: int) -> Iterator[list[NewRow]]:
    """Rows in lists of at most so many, and about so many bytes of JSON."""
    chunk: list[NewRow] = []
    length = 0
    for row in rows:
        chunk.append(row)
        length += len(msgspec.json.encode(row))
        if len(chunk) >= most or length >= size:
            yield chunk
            chunk, length = [], 0
    if chunk:
        yield chunk


def _records(path: Path) -> Iterator[tuple[str, Record]]:
    """Records with their places; what is wrong is said of the file by its path."""
    try:
        form = "parquet" if path.suffix.lower() == ".parquet" else format_of(path.name, b"")
        for place, record in read_records(path, form):
            yield f"{path}:{place.rpartition(' ')[2]}", record
    except InvalidInput as error:
        where, colon, what = error.message.partition(": ")
        line = where.removeprefix("Line ") if colon and where.startswith("Line ") else None
        message = f"{path}: {error.message}" if line is None else f"{path}:{line}: {what}"
        raise InvalidInput(message, field="dataset", hint=error.hint, code=error.code) from error


def _row(record: Mapping[str, Any], columns: Columns, *, place: str, defaulted: bool) -> NewRow:
    if columns.input is None:
        input_ = record["input"] if "input" in record else dict(record)
    else:
        input_ = _at(record, columns.input)
        if input_ is None:
            raise InvalidInput(f"{place}: there is no field {columns.input!r} to ask.", field="columns.input")
    metadata = _at(record, columns.metadata)
    context = _at(record, columns.context)
    name, group = _at(record, columns.id), _at(record, columns.group)
    if metadata is not None and not isinstance(metadata, dict):
        if not defaulted:
            raise InvalidInput(f"{place}: {columns.metadata!r} holds no object.", field="columns.metadata")
        metadata = {"metadata": metadata}
    texts = _texts(context)
    return NewRow(
        input=input_,
        id=None if name is None else str(name),
        reference=_at(record, columns.reference),
        context=[one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in texts],
        metadata=cast("dict[str, Any]", metadata or {}),
        group=None if group is None else str(group),
    )


def _texts(context: Any) -> list[Any]:
    if isinstance(context, list):
        return cast("list[Any]", context)
    return [] if context is None else [context]


def _at(record: Any, path: str) -> Any:
    """The value at a dotted path; a name that itself holds dots is tried first."""
    if not isinstance(record, dict):
        return None
    fields = cast("dict[str, Any]", record)
    if path in fields:
        return fields[path]
    head, dot, rest = path.partition(".")
    return _at(fields.get(head), rest) if dot else None
