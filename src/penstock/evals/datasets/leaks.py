"""Whether rows go from one split into another between two versions."""

from collections.abc import Iterable

from penstock.core.errors import Conflict, InvalidInput
from penstock.evals.datasets.manifest import ReadChunk
from penstock.evals.datasets.splits import split_of
from penstock.evals.datasets.types import Chunk, Entry, Manifest, Splits

__all__ = ["check_leaks"]


def check_leaks(before: Manifest | None, after: Manifest, read: ReadChunk, *, resplit: bool) -> None:
    """Refuse a version that tears rows apart that belong together, or moves them to another split.

    What was learnt from a row of `train` must not be tested on it later, nor the other way round.

    Args:
        before: The version it follows.
        after: What is to be saved.
        read: Gives a chunk's rows.
        resplit: Rows may go to another split, as somebody has said.

    Raises:
        InvalidInput: `split_torn`: rows of one group, or with the same input, are in different splits.
        Conflict: `split_leak`.
    """
    places = _places(after.chunks, after.splits, read)
    if before is None or resplit:
        return
    for chunk in before.chunks:
        for entry in read(chunk.digest):
            was = split_of(entry, before.splits)
            now = places.get(entry.key, was)
            if was is not None and now != was:
                goes = f"from {was} to {now or 'no split'}"
                raise Conflict(
                    f"The row {entry.id[:80]!r}, or one that belongs to it, would go {goes}.",
                    hint="Keep its split, or save with resplit: results of before are not comparable then.",
                    code="split_leak",
                )


def _places(chunks: Iterable[Chunk], splits: Splits | None, read: ReadChunk) -> dict[str, str | None]:
    """The split of each key."""
    places: dict[str, str | None] = {}
    first: dict[str, Entry] = {}
    for chunk in chunks:
        for entry in read(chunk.digest):
            place = split_of(entry, splits)
            if places.setdefault(entry.key, place) != place:
                other = first[entry.key]
                raise InvalidInput(
                    f"The rows {other.id[:80]!r} and {entry.id[:80]!r} belong together, and are in different splits.",
                    field="rows",
                    hint="Rows of one group, or with the same input, need the same split.",
                    code="split_torn",
                )
            first.setdefault(entry.key, entry)
    return places
