"""Changes by hand: rows that are added, changed or deleted."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from penstock.core.errors import InvalidInput, NotFound
from penstock.evals.datasets.rows import prepared
from penstock.evals.datasets.types import DatasetRow, Entry

__all__ = ["RowEdits", "edited"]


class RowEdits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to become of some rows."""

    put: list[DatasetRow] = []
    """Rows whose id is there take the place of those; others come at the end."""
    delete: list[str] = []
    """Ids."""

    def prepared(self) -> list[tuple[Entry, bytes]]:
        """The rows of `put`, made ready.

        Raises:
            InvalidInput: nothing is to be done, a row does not fit, or an id is named twice.
        """
        if not self.put and not self.delete:
            raise InvalidInput("Expected rows to put, or ids to delete.", field="put")
        made = [prepared(row, field=f"put[{number}]") for number, row in enumerate(self.put)]
        seen = set(self.delete)
        for number, (entry, _) in enumerate(made):
            if entry.id in seen:
                raise InvalidInput(
                    f"The row {entry.id[:80]!r} is named twice.", field=f"put[{number}].id", code="row_id_taken"
                )
            seen.add(entry.id)
        return made


def edited(entries: Iterable[Entry], edits: RowEdits, put: Sequence[Entry]) -> Iterator[Entry]:
    """The rows of a version after the edits.

    Args:
        entries: Of the version.
        edits: What is to be done.
        put: The rows of `edits.put`.

    Raises:
        NotFound: a row that is to be deleted is not there.
    """
    changed = {entry.id: entry for entry in put}
    deleted = set(edits.delete)
    for entry in entries:
        if entry.id in deleted:
            deleted.discard(entry.id)
        else:
            yield changed.pop(entry.id, entry)
    if deleted:
        raise NotFound(
            f"There is no row {min(deleted)[:80]!r} to delete.",
            hint="Its id may have changed with its input; rows list their ids.",
            code="row_not_found",
        )
    yield from changed.values()
