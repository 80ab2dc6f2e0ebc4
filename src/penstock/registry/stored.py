"""What came through the control API, as the registry's next publication takes it."""

import logging

from penstock.core.errors import PenstockError
from penstock.registry import store
from penstock.registry.proposals import read_limit, read_route
from penstock.registry.store import DefinitionRow
from penstock.store.metadata import Metadata
from penstock.wire.limits import LimitEntry
from penstock.wire.routing import RouteEntry

__all__ = ["StoredEntries", "read"]

logger = logging.getLogger(__name__)


class StoredEntries:
    """What is stored, for the registry's next publication."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def entries(self) -> tuple[list[RouteEntry], list[LimitEntry]]:
        """All routes and limits. One that an other version of Penstock wrote and this one cannot read is left out."""
        with self._metadata.read() as connection:
            routes, limits = (store.everything(connection, kind) for kind in ("route", "limit"))
        found = [entry for row in (*routes, *limits) if (entry := read(row)) is not None]
        return (
            [entry for entry in found if isinstance(entry, RouteEntry)],
            [entry for entry in found if isinstance(entry, LimitEntry)],
        )


def read(row: DefinitionRow) -> RouteEntry | LimitEntry | None:
    """The entry of a row; None when this version of Penstock cannot read it."""
    project = row.project or None
    try:
        if row.kind == "route":
            entry: RouteEntry | LimitEntry | None = read_route(row.name, row.body, project=project)
        else:
            entry = read_limit(row.body, project=project)
    except PenstockError as error:
        logger.warning("The %s %s cannot be read: %s", row.kind, row.name, error)
        return None
    if entry is None:
        logger.warning("The %s %s was written by another version and cannot be read.", row.kind, row.name)
    return entry
