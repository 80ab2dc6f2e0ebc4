"""Files of rows: JSONL, CSV and Parquet, read a record at a time."""

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import msgspec

from penstock.core.errors import InvalidInput

__all__ = ["FORMATS", "FileFormat", "Record", "format_of", "read_records"]

FileFormat = Literal["jsonl", "csv", "parquet"]
FORMATS: Final[tuple[FileFormat, ...]] = get_args(FileFormat)
Record = Mapping[str, Any]
MAX_LINE: Final = 16 * 1024 * 1024
"""Bytes of a line of JSONL, and characters of a field of CSV."""
SNIFFED: Final = 64 * 1024
DELIMITERS: Final = ",;\t|"
PARQUET: Final = b"PAR1"
SUFFIXES: Final[Mapping[str, FileFormat]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
}
FETCHED: Final = 200
_decode = msgspec.json.Decoder().decode


def format_of(name: str, head: bytes) -> FileFormat:
    """The format of a file, by its name or else by how it begins.

    Raises:
        InvalidInput: `format_unknown`.
    """
    if head.startswith(PARQUET):
        return "parquet"
    known: FileFormat | None = SUFFIXES.get(Path(name).suffix.lower())
    if known is not None and known != "parquet":
        return known
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return "jsonl"
    raise InvalidInput(
        f"Expected a file of rows, .jsonl, .csv or .parquet, got {name[:80]!r}.",
        field="format",
        hint="Name the format.",
        code="format_unknown",
    )


def read_records(path: Path, form: FileFormat) -> Iterator[tuple[str, Record]]:
    """The records of a file, each with where it stands: `line 7`.

    Raises:
        InvalidInput: `file_invalid`; says which line, and what was expected.
    """
    readers: dict[FileFormat, Callable[[Path], Iterator[tuple[str, Record]]]] = {
        "jsonl": _jsonl,
        "csv": _csv,
        "parquet": _parquet,
    }
    try:
        yield from readers[form](path)
    except OSError as error:
        raise _wrong(f"The file cannot be read: {error.strerror}") from error


def _wrong(what: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(f"{what}.", field="file", hint=hint, code="file_invalid")


def _jsonl(path: Path) -> Iterator[tuple[str, Record]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) > MAX_LINE:
                raise _wrong(f"Line {number} is longer than {MAX_LINE // 1024**2} MiB")
            if not line.strip():
                continue
            try:
                record = _decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                hint = "A JSON array is no JSONL: write one object in each line." if line.lstrip()[:1] == b"[" else None
                raise _wrong(f"Line {number}: expected a JSON object: {error}", hint) from error
            if not isinstance(record, dict):
                raise _wrong(f"Line {number}: expected a JSON object")
            yield f"line {number}", cast("dict[str, Any]", record)


def _csv(path: Path) -> Iterator[tuple[str, Record]]:
    csv.field_size_limit(MAX_LINE)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline(SNIFFED)
            file.seek(0)
            # The delimiter that stands most often in the head of the table.
            delimiter = max(DELIMITERS, key=first.count)
            reader = csv.DictReader(file, restkey="", strict=True, delimiter=delimiter)
            names = reader.fieldnames or ()
            if "" in names or len(set(names)) != len(names):
                raise _wrong("Line 1: expected a name for each column, each once")
            for record in reader:
                if "" in record or None in record.values():
                    raise _wrong(f"Line {reader.line_num}: expected {len(names)} fields")
                yield f"line {reader.line_num}", record
    except (csv.Error, UnicodeDecodeError) as error:
        raise _wrong(f"It is no CSV in UTF-8: {error}") from error


def _parquet(path: Path) -> Iterator[tuple[str, Record]]:
    import duckdb  # noqa: PLC0415 - the engine, which other formats do not need

    try:
        with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "256MB"}) as connection:
            found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [column[0] for column in found.description or ()]
            number = 0
            while rows := found.fetchmany(FETCHED):
                for row in rows:
                    number += 1
                    yield f"row {number}", {name: _plain(value) for name, value in zip(names, row, strict=True)}
    except duckdb.Error as error:
        raise _wrong(f"It is no Parquet file that can be read: {str(error).splitlines()[0][:300]}") from error


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[Any]", value)]
    return msgspec.to_builtins(value, enc_hook=str, builtin_types=())
