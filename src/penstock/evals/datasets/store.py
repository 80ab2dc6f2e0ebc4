"""Statements on rows and chunks. Every function runs in the transaction of the connection it is given."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from penstock.core.errors import CorruptData
from penstock.evals.datasets.manifest import chunk_digest, decode_chunk, encode_chunk
from penstock.evals.datasets.types import DatasetRow, Entry
from penstock.store.metadata.schema import dataset_chunks, dataset_rows

__all__ = ["chunk", "contents", "put_chunk", "put_rows"]

AT_ONCE: Final = 400
"""Keys of one statement: SQLite bounds the number of bound values."""
COMPRESSED_FROM: Final = 512
"""Bytes of JSON; a smaller row gains nothing."""
JSON_BEGINS: Final = b"{"
_decode_row = msgspec.json.Decoder(DatasetRow).decode


def put_rows(connection: Connection, project: str, rows: Mapping[str, bytes]) -> None:
    """Keep contents by digest; those that are there already stay."""
    values = [
        {
            "project": project,
            "digest": digest,
            "data": zlib.compress(data, 6) if len(data) >= COMPRESSED_FROM else data,
        }
        for digest, data in rows.items()
    ]
    _put(connection, dataset_rows, values)


def put_chunk(connection: Connection, project: str, entries: Sequence[Entry]) -> str:
    """Keep a chunk; its digest."""
    data = encode_chunk(entries)
    digest = chunk_digest(data)
    value = {"project": project, "digest": digest, "rows": len(entries), "data": zlib.compress(data, 6)}
    _put(connection, dataset_chunks, [value])
    return digest


def chunk(connection: Connection, project: str, digest: str) -> list[Entry]:
    """The rows of a chunk.

    Raises:
        CorruptData: it is not there, or cannot be read.
    """
    where = and_(dataset_chunks.c.project == project, dataset_chunks.c.digest == digest)
    data = connection.execute(select(dataset_chunks.c.data).where(where)).scalar_one_or_none()
    try:
        if data is None:
            raise CorruptData(f"The rows {digest} of a dataset are missing.", code="dataset_corrupt")
        return decode_chunk(zlib.decompress(data))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise CorruptData(f"The rows {digest} of a dataset cannot be read: {error}.", code="dataset_corrupt") from error


def contents(connection: Connection, project: str, digests: Iterable[str]) -> dict[str, DatasetRow]:
    """Contents by digest, without ids.

    Raises:
        CorruptData: one is not there, or cannot be read.
    """
    wanted = list(dict.fromkeys(digests))
    found: dict[str, DatasetRow] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        where = and_(dataset_rows.c.project == project, dataset_rows.c.digest.in_(some))
        for row in connection.execute(select(dataset_rows.c.digest, dataset_rows.c.data).where(where)):
            data: bytes = row.data
            try:
                found[row.digest] = _decode_row(data if data.startswith(JSON_BEGINS) else zlib.decompress(data))
            except (zlib.error, msgspec.MsgspecError) as error:
                raise CorruptData(
                    f"The row {row.digest} of a dataset cannot be read: {error}.", code="dataset_corrupt"
                ) from error
    missing = next((digest for digest in wanted if digest not in found), None)
    if missing is not None:
        raise CorruptData(f"The row {missing} of a dataset is missing.", code="dataset_corrupt")
    return found


def _put(connection: Connection, table: Table, values: list[dict[str, Any]]) -> None:
    if not values:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(insert(table).on_conflict_do_nothing(index_elements=["project", "digest"]), values)
