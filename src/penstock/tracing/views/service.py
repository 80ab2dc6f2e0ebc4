"""Saved views of a project, as one person sees them."""

from typing import Final

import msgspec
from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, PreconditionFailed
from penstock.core.ids import Ids
from penstock.store.metadata import Metadata
from penstock.tracing.actor import Actor, owner_of
from penstock.tracing.query import parse
from penstock.tracing.views import store
from penstock.tracing.views.store import ViewRow
from penstock.tracing.views.types import SavedView, ViewDocument, ViewPage

__all__ = ["SavedViews"]

MAX_VIEWS: Final = 500
"""That one person sees in a project."""
MAX_NAME: Final = 100
MAX_COLUMNS: Final = 60
SHARE = "dashboards:write"
"""What writing something for all of a project needs."""


class SavedViews:
    """Views of all people. A private one exists only for its owner. Methods block.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
    """

    def __init__(self, metadata: Metadata, *, clock: Clock, ids: Ids) -> None:
        self._metadata = metadata
        self._clock = clock
        self._ids = ids

    def listed(self, actor: Actor, project: str, *, page: ViewPage | None = None) -> list[SavedView]:
        """The actor's own by name, then those that others share."""
        owner = owner_of(actor)
        with self._metadata.read() as connection:
            rows = store.visible(connection, project=project, owner=owner, page=page)
        views = [_shown(row, owner) for row in rows]
        return sorted(views, key=lambda view: (not view.mine, view.document.name.lower(), view.id))

    def get(self, actor: Actor, project: str, id_: str) -> SavedView:
        """One that the actor may see.

        Raises:
            NotFound: there is none of this id, or it is somebody's own.
        """
        with self._metadata.read() as connection:
            return _shown(_found(connection, actor, project, id_), owner_of(actor))

    def create(self, actor: Actor, project: str, document: ViewDocument) -> SavedView:
        """Keep one.

        Raises:
            InvalidInput: its search cannot be understood, or something is too long.
            PermissionDenied: it is to be shared, and the actor may not.
            Conflict: there are too many.
        """
        _check(document)
        _check_sharing(actor, project, shared=document.shared)
        owner = owner_of(actor)
        with self._metadata.write() as connection:
            if len(store.visible(connection, project=project, owner=owner)) >= MAX_VIEWS:
                raise Conflict(f"There are {MAX_VIEWS} saved views already.", hint="Delete one.", code="too_many_views")
            row = self._row(actor, project, document, id_=self._ids.uuid7(), owner=owner, version=1)
            store.write(connection, row)
        return _shown(row, owner)

    def replace(
        self, actor: Actor, project: str, id_: str, document: ViewDocument, *, expected: str | None = None
    ) -> SavedView:
        """Put a document in the place of what is there.

        Raises:
            NotFound: as `get`.
            InvalidInput: as `create`.
            PermissionDenied: it is shared or is to be, and the actor may not.
            PreconditionFailed: it is in another version than `expected`.
        """
        with self._metadata.write() as connection:
            row = _found(connection, actor, project, id_)
            _check_sharing(actor, project, shared=row.shared or document.shared)
            _check_version(row, expected)
            _check(document)
            if not document.shared and row.owner != owner_of(actor):
                raise PermissionDenied(
                    "Only who saved a view makes it private.", hint="Save one of your own, or delete this one."
                )
            changed = self._row(actor, project, document, id_=id_, owner=row.owner, version=row.version + 1)
            store.write(connection, changed)
        return _shown(changed, owner_of(actor))

    def delete(self, actor: Actor, project: str, id_: str, *, expected: str | None = None) -> None:
        """Delete one. Raises as `replace`."""
        with self._metadata.write() as connection:
            row = _found(connection, actor, project, id_)
            _check_sharing(actor, project, shared=row.shared)
            _check_version(row, expected)
            store.remove(connection, id_)

    def _row(
        self, actor: Actor, project: str, document: ViewDocument, *, id_: str, owner: str, version: int
    ) -> ViewRow:
        return ViewRow(
            id=id_,
            project=project,
            page=document.page,
            owner=owner,
            shared=document.shared,
            version=version,
            body=msgspec.to_builtins(document),
            updated=self._clock.now(),
            updated_by=actor.name,
        )


def _found(connection: Connection, actor: Actor, project: str, id_: str) -> ViewRow:
    row = store.find(connection, project=project, id_=id_)
    if row is None or not (row.shared or row.owner == owner_of(actor)):
        raise NotFound(
            f"There is no saved view {id_[:64]!r} in this project, or not for you.",
            hint="GET /api/v1/views lists them.",
            code="view_not_found",
        )
    return row


def _check(document: ViewDocument) -> None:
    if not document.name.strip() or len(document.name) > MAX_NAME:
        raise InvalidInput(
            f"A name has 1 to {MAX_NAME} characters, got {len(document.name)}.", field="name", code="invalid_view"
        )
    if len(document.columns) > MAX_COLUMNS or any(len(name) > 200 for name in document.columns):
        raise InvalidInput(
            f"A view has at most {MAX_COLUMNS} columns, each of at most 200 characters.",
            field="columns",
            code="invalid_view",
        )
    if document.sort is not None and len(document.sort) > 200:
        raise InvalidInput("A sort has at most 200 characters.", field="sort", code="invalid_view")
    if document.window is not None and document.window <= 0:
        raise InvalidInput(
            f"A window is longer than nothing, got {document.window}.", field="window", code="invalid_view"
        )
    parse(document.q)


def _check_sharing(actor: Actor, project: str, *, shared: bool) -> None:
    if shared and not actor.may(SHARE, project):
        raise PermissionDenied(f"A shared view needs {SHARE}.", hint="Save it for yourself.")


def _check_version(row: ViewRow, expected: str | None) -> None:
    if expected not in {None, "*", str(row.version)}:
        raise PreconditionFailed(
            f"Version {expected} was expected, and it is in version {row.version}, last written by {row.updated_by}.",
            hint="Read it again, and write on top of that.",
        )


def _shown(row: ViewRow, owner: str) -> SavedView:
    return SavedView(
        id=row.id,
        document=msgspec.convert(row.body, ViewDocument),
        version=row.version,
        mine=row.owner == owner,
        updated=row.updated,
        updated_by=row.updated_by,
    )
