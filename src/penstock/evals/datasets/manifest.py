"""Versions of a dataset as lists of chunks, so that versions share what they have in common.

Where a chunk ends is decided by the rows in it, not by their number (content-defined chunking, as in Muthitacharoen,
Chen and Mazières, "A low-bandwidth network file system", SOSP 2001): a row that is added or removed changes the chunk
it is in, and its neighbours at most. What two versions differ in is found by reading only the chunks they do not share.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Final

import msgspec

from penstock.evals.datasets.splits import split_key
from penstock.evals.datasets.types import Chunk, DatasetRow, Entry, Manifest, RowChange, RowDiff

__all__ = ["Chunker", "chunk_digest", "decode_chunk", "diff_rows", "encode_chunk", "entry_of", "row_data"]

LEAST: Final = 32
MEAN: Final = 256
MOST: Final = 1024
"""Rows of a chunk."""

ReadChunk = Callable[[str], Sequence[Entry]]
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode_entries = msgspec.json.Decoder(list[Entry]).decode


def row_data(row: DatasetRow) -> bytes:
    """A row's content as it is kept: canonical JSON without its id, which a chunk holds."""
    return _encode(msgspec.structs.replace(row, id="", split=None))


def entry_of(row: DatasetRow, data: bytes) -> Entry:
    """The row in a chunk; one without an id is given one that is made of its input."""
    input_digest = sha256(_encode(row.input)).hexdigest()
    return Entry(
        id=row.id or f"r-{input_digest[:20]}",
        digest=sha256(data).hexdigest(),
        key=split_key(row, input_digest),
        split=row.split,
    )


def encode_chunk(entries: Sequence[Entry]) -> bytes:
    return _encode(entries)


def decode_chunk(data: bytes) -> list[Entry]:
    """Raises `msgspec.MsgspecError` when it is none."""
    return _decode_entries(data)


def chunk_digest(data: bytes) -> str:
    return sha256(data).hexdigest()


class Chunker:
    """Cuts a sequence of rows into chunks as they come."""

    def __init__(self) -> None:
        self._open: list[Entry] = []

    def add(self, entry: Entry) -> list[Entry] | None:
        """The chunk that this row ends, if it ends one."""
        self._open.append(entry)
        size = len(self._open)
        if size >= MOST or (size >= LEAST and _ends(entry)):
            chunk, self._open = self._open, []
            return chunk
        return None

    def rest(self) -> list[Entry]:
        """What is left at the end."""
        chunk, self._open = self._open, []
        return chunk


def _ends(entry: Entry) -> bool:
    return int(sha256(entry.id.encode()).hexdigest()[:8], 16) % (MEAN - LEAST) == 0


def diff_rows(before: Manifest, after: Manifest, read: ReadChunk, *, most: int = 10_000) -> RowDiff:
    """What differs between two versions. A row that only stands elsewhere is no difference.

    Args:
        before: The earlier version.
        after: The later one.
        read: Gives a chunk's rows by its digest.
        most: Changes that are listed; all are counted.
    """
    shared = {chunk.digest for chunk in before.chunks} & {chunk.digest for chunk in after.chunks}
    old = _entries(before.chunks, shared, read)
    new = _entries(after.chunks, shared, read)
    removed = [entry for id_, entry in old.items() if id_ not in new]
    added = [entry for id_, entry in new.items() if id_ not in old]
    changed = [(old[id_], entry) for id_, entry in new.items() if id_ in old and _differs(old[id_], entry)]
    changes = [
        *(RowChange(id=entry.id, change="removed", before=entry.digest) for entry in removed),
        *(RowChange(id=b.id, change="changed", before=b.digest, after=a.digest) for b, a in changed),
        *(RowChange(id=entry.id, change="added", after=entry.digest) for entry in added),
    ]
    return RowDiff(
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        changes=changes[:most],
        splits_changed=before.splits != after.splits,
    )


def _differs(one: Entry, other: Entry) -> bool:
    return one.digest != other.digest or one.split != other.split


def _entries(chunks: Iterable[Chunk], shared: set[str], read: ReadChunk) -> dict[str, Entry]:
    return {entry.id: entry for entry in _unshared(chunks, shared, read)}


def _unshared(chunks: Iterable[Chunk], shared: set[str], read: ReadChunk) -> Iterator[Entry]:
    for chunk in chunks:
        if chunk.digest not in shared:
            yield from read(chunk.digest)
