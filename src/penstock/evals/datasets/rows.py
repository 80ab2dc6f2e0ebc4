"""Rows as they come in: checked, named, and made ready to be kept."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.manifest import entry_of, row_data
from penstock.evals.datasets.splits import check_split_name
from penstock.evals.datasets.types import DatasetRow, Entry

__all__ = ["MAX_ID", "MAX_ROWS", "MAX_ROW_BYTES", "Progress", "numbered", "prepared"]

MAX_ROWS: Final = 1_000_000
MAX_ROW_BYTES: Final = 1024 * 1024
"""Of a row's JSON."""
MAX_ID: Final = 200
Progress = Callable[[int], None]
"""Is told how many rows have been read."""


def prepared(row: DatasetRow, *, field: str) -> tuple[Entry, bytes]:
    """A row as a chunk names it, and its content.

    Raises:
        InvalidInput: it has no input, or is too large; `field` says which row.
    """
    if len(row.id) > MAX_ID:
        raise InvalidInput(f"Expected an id of at most {MAX_ID} characters, got {len(row.id)}.", field=f"{field}.id")
    if row.split is not None:
        check_split_name(row.split, field=f"{field}.split")
    if row.input is None or row.input in ("", {}, []):
        raise InvalidInput("Expected an input, it is empty.", field=f"{field}.input", code="row_empty")
    try:
        data = row_data(row)
        entry = entry_of(row, data)
    except UnicodeEncodeError as error:
        raise InvalidInput("A text holds a lone surrogate, which UTF-8 cannot carry.", field=field) from error
    if len(data) > MAX_ROW_BYTES:
        raise InvalidInput(f"A row has at most {MAX_ROW_BYTES} bytes of JSON, this one has {len(data)}.", field=field)
    return entry, data


def numbered(rows: Iterable[DatasetRow], progress: Progress | None = None) -> Iterator[tuple[Entry, bytes]]:
    """Rows made ready one after another. Those without an id that ask the same are told apart by their order.

    Raises:
        InvalidInput: as `prepared`; two rows have the same id (`row_id_taken`); there are more than a million.
    """
    seen: set[str] = set()
    made: dict[str, int] = {}
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            raise InvalidInput(f"A dataset has at most {MAX_ROWS} rows.", field="rows", code="too_many_rows")
        entry, data = prepared(row, field=f"rows[{number}]")
        if not row.id:
            made[entry.id] = made.get(entry.id, 0) + 1
            if made[entry.id] > 1:
                entry = msgspec.structs.replace(entry, id=f"{entry.id}-{made[entry.id]}")
        if entry.id in seen:
            raise InvalidInput(
                f"Expected each id once; {entry.id[:80]!r} of row {number + 1} stands above already.",
                field=f"rows[{number}].id",
                code="row_id_taken",
            )
        seen.add(entry.id)
        yield entry, data
        if progress is not None:
            progress(number + 1)
