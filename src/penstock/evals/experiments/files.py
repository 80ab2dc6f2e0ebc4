"""Rows from files of the user's: JSONL and CSV, read a piece at a time."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.types import Columns

__all__ = ["chunked", "read_rows"]

MAX_LINE: Final = 16 * 1024 * 1024
CSV_FIELD: Final = 16 * 1024 * 1024
_decode = msgspec.json.Decoder().decode


def read_rows(path: Path, columns: Columns, *, limit: int | None = None) -> Iterator[NewRow]:
    """The rows of a file, one at a time.

    Args:
        path: `.jsonl`, `.ndjson` or `.csv`.
        columns: Which fields are what.
        limit: The first so many.

    Raises:
        InvalidInput: it cannot be read; says which line.
    """
    suffix = path.suffix.lower()
    if suffix not in {".jsonl", ".ndjson", ".csv"}:
        raise InvalidInput(f"Expected a file of rows, .jsonl or .csv, got {path.name!r}.", field="dataset")
    records = _csv(path) if suffix == ".csv" else _jsonl(path)
    for place, record in islice(records, limit):
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


def _jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                place = f"{path}:{number}"
                if len(line) > MAX_LINE:
                    raise InvalidInput(f"{place}: the line is longer than {MAX_LINE // 1024**2} MiB.", field="dataset")
                if not line.strip():
                    continue
                try:
                    record = _decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise InvalidInput(f"{place}: expected a JSON object: {error}.", field="dataset") from error
                if not isinstance(record, dict):
                    raise InvalidInput(f"{place}: expected a JSON object.", field="dataset")
                yield place, cast("dict[str, Any]", record)
    except OSError as error:
        raise InvalidInput(f"The dataset {path} cannot be read: {error.strerror}.", field="dataset") from error


def _csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    csv.field_size_limit(CSV_FIELD)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", strict=True)
            for record in reader:
                place = f"{path}:{reader.line_num}"
                if "" in record or None in record.values():
                    raise InvalidInput(f"{place}: expected {len(reader.fieldnames or ())} fields.", field="dataset")
                yield place, record
    except OSError as error:
        raise InvalidInput(f"The dataset {path} cannot be read: {error.strerror}.", field="dataset") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise InvalidInput(f"The dataset {path} is no CSV in UTF-8: {error}.", field="dataset") from error


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
