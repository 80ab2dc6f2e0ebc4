"""Tables as files, made in pieces: CSV and Parquet, in bounded memory whatever the number of rows."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from penstock.core.errors import Unavailable

__all__ = ["PIECE_BYTES", "Kind", "csv_pieces", "csv_text", "parquet_pieces"]

Kind = Literal["text", "integer", "number", "boolean", "map", "list"]
"""`map`: of text to text. `list`: of text."""
PIECE_BYTES = 256 * 1024
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def csv_text(text: str) -> str:
    """A cell that a spreadsheet shows, and does not run: what it would take for a formula begins with `'`."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_pieces(names: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[bytes]:
    """A table of text with a first line of names. Cells of text have been through `csv_text`."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(row)
        if buffer.tell() > PIECE_BYTES:
            yield _taken(buffer)
    yield _taken(buffer)


def parquet_pieces(columns: Sequence[tuple[str, Kind]], batches: Iterator[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """A Parquet file; each batch of rows is a row group. A map is given as pairs.

    Raises:
        Unavailable: the extra is missing; at once.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional extra
        from pyarrow import parquet  # noqa: PLC0415 - as above
    except ImportError as error:
        raise Unavailable(
            "Parquet needs the extra `parquet`, which is not installed.",
            hint="Install it: pip install 'penstock[server,parquet]'.",
            code="extra_missing",
        ) from error
    return _written(pa, parquet, columns, batches)


def _written(
    pa: Any, parquet: Any, columns: Sequence[tuple[str, Kind]], batches: Iterator[Sequence[Sequence[Any]]]
) -> Iterator[bytes]:
    types: dict[Kind, Any] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "map": pa.map_(pa.string(), pa.string()),
        "list": pa.list_(pa.string()),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in columns])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in batches:
            arrays = [pa.array([row[at] for row in rows], type=field.type) for at, field in enumerate(schema)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            if data := sink.taken():
                yield data
    if data := sink.taken():
        yield data


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


class _Sink(io.RawIOBase):
    """A file that is only written to, and emptied as it grows."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: Any) -> int:
        size = self._buffer.write(data)
        self._written += size
        return size

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return data
