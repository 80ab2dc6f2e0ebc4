"""What a dataset is made of."""

from typing import Any, Final, Literal

import msgspec

__all__ = [
    "MAX_SPLITS",
    "Chunk",
    "DatasetRow",
    "Entry",
    "Manifest",
    "RowChange",
    "RowDiff",
    "RowPage",
    "SplitCount",
    "Splits",
    "StoredRow",
    "row_of",
]

MAX_SPLITS: Final = 10


class DatasetRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case: what is asked, and what a good answer is."""

    id: str = ""
    """Unique in its dataset, and the same in all versions. Empty: made of the input, so the same input keeps its id."""
    input: Any
    """A text, messages, or the values of a prompt's variables."""
    reference: Any = None
    """The answer that is right, or what is needed to judge one."""
    context: list[str] = []
    """Texts that the answer may rest on."""
    metadata: dict[str, Any] = {}
    """For slices, such as language or difficulty."""
    group: str | None = None
    """Rows of one group are not independent, such as turns of one conversation; they are never split."""
    split: str | None = None
    """Set: the split it belongs to, whatever the dataset's shares say."""


class StoredRow(DatasetRow, frozen=True, kw_only=True, omit_defaults=True):
    """A row as a version has it."""

    digest: str
    """SHA-256, hex, of its content."""


def row_of(row: StoredRow, *, split: str | None) -> DatasetRow:
    """A stored row as one that can be saved."""
    return DatasetRow(
        id=row.id,
        input=row.input,
        reference=row.reference,
        context=row.context,
        metadata=row.metadata,
        group=row.group,
        split=split,
    )


class Splits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows are divided: by a hash of their group, so that a row stays where it is in all later versions."""

    shares: dict[str, float]
    """By name; what a share is is its part of the sum."""
    salt: str
    """Another salt divides anew."""


class Chunk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some consecutive rows of a version."""

    digest: str
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of a version: which rows it has, in order."""

    rows: int
    chunks: list[Chunk] = []
    splits: Splits | None = None


class Entry(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A row in a chunk."""

    id: str
    digest: str
    key: str
    """What its split is a hash of."""
    split: str | None = None
    """As in `DatasetRow`."""


class RowChange(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row."""

    id: str
    change: Literal["added", "removed", "changed"]
    before: str | None = None
    """Digest."""
    after: str | None = None


class RowDiff(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two versions, row by row."""

    added: int
    removed: int
    changed: int
    changes: list[RowChange]
    """Removed, changed, added, each in the order of its version; at most as many as were asked for."""
    splits_changed: bool
    """Rows are divided anew."""


class RowPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows of a version, in its order."""

    version: int
    rows: int
    """Of the version in all."""
    items: list[StoredRow]
    positions: list[int]
    """Where each of them stands, from 0."""
    next: int | None
    """Where the next page starts; null at the end."""


class SplitCount(msgspec.Struct, frozen=True, kw_only=True):
    split: str | None
    """Null: rows that belong to none."""
    rows: int
