"""Dashboards of a project: read, written, copied, set back."""

from typing import Any, Final, NoReturn

import msgspec
from sqlalchemy import Connection

from penstock.core.clock import Clock
from penstock.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from penstock.core.ids import Ids
from penstock.store.metadata import Metadata
from penstock.tracing.actor import Actor, note
from penstock.tracing.dashboards import store
from penstock.tracing.dashboards.checks import check_document
from penstock.tracing.dashboards.presets import PRESETS
from penstock.tracing.dashboards.store import DashboardRow
from penstock.tracing.dashboards.types import Dashboard, DashboardDocument, DashboardSummary

__all__ = ["Dashboards"]

MAX_DASHBOARDS: Final = 500
PENSTOCK = "penstock"
"""Who made a project's first dashboards."""


class Dashboards:
    """All dashboards. Methods block.

    Args:
        metadata: The open store.
        clock: Where time comes from.
        ids: Where ids come from.
    """

    def __init__(self, metadata: Metadata, *, clock: Clock, ids: Ids) -> None:
        self._metadata = metadata
        self._clock = clock
        self._ids = ids

    # --- reading ------------------------------------------------------------------------------

    def listed(self, project: str) -> list[DashboardSummary]:
        """Those of a project: the set in its own order, then people's own by name.

        A project that is looked at for the first time is given the set.
        """
        self._set_up(project)
        with self._metadata.read() as connection:
            rows = store.of_project(connection, project)
        places = {preset: place for place, preset in enumerate(PRESETS)}
        rows.sort(key=lambda row: (places.get(row.preset or "", len(places)), row.name))
        return [_summary(row) for row in rows]

    def get(self, project: str, id_: str) -> Dashboard:
        """One of a project's.

        Raises:
            NotFound: it has none of this id.
        """
        with self._metadata.read() as connection:
            return _shown(_found(connection, project, id_))

    # --- writing ------------------------------------------------------------------------------

    def create(self, actor: Actor, project: str, document: DashboardDocument) -> Dashboard:
        """Keep a new one.

        Raises:
            InvalidInput: it cannot be shown; `field` says why.
            Conflict: the project has one of this name, or too many.
        """
        check_document(document)
        self._set_up(project)
        with self._metadata.write() as connection:
            return self._created(connection, actor, project, document)

    def replace(
        self, actor: Actor, project: str, id_: str, document: DashboardDocument, *, expected: str | None = None
    ) -> Dashboard:
        """Put a document in the place of what is there.

        Args:
            actor: Who does it.
            project: Whose dashboard.
            id_: Which.
            document: What it is to be.
            expected: The version it must have; `*` or None for any.

        Raises:
            NotFound: there is none.
            InvalidInput: it cannot be shown.
            Conflict: another one has its name.
            PreconditionFailed: it is in another version.
        """
        with self._metadata.write() as connection:
            row = _found(connection, project, id_)
            _check_version(row, expected)
            check_document(document)
            return self._replaced(connection, actor, row, document)

    def delete(self, actor: Actor, project: str, id_: str, *, expected: str | None = None) -> None:
        """Delete one. Raises `NotFound` and `PreconditionFailed` as `replace`."""
        with self._metadata.write() as connection:
            row = _found(connection, project, id_)
            _check_version(row, expected)
            store.remove(connection, id_)
            self._note(connection, actor, row, "delete")

    def duplicate(self, actor: Actor, project: str, id_: str, *, name: str | None = None) -> Dashboard:
        """A copy under another name, by default "… (copy)". Raises as `create`, and `NotFound`."""
        with self._metadata.write() as connection:
            document = _document(_found(connection, project, id_).body)
            taken = {row.name for row in store.of_project(connection, project)}
            called = name if name is not None else _free_name(document.name, taken)
            copy = msgspec.structs.replace(document, name=called)
            check_document(copy)
            return self._created(connection, actor, project, copy)

    def reset(self, actor: Actor, project: str, id_: str) -> Dashboard:
        """Make one of the set what it was at first.

        Raises:
            NotFound: there is none.
            Conflict: it is none of the set.
        """
        with self._metadata.write() as connection:
            row = _found(connection, project, id_)
            if row.preset not in PRESETS:
                raise Conflict(
                    f"The dashboard {row.name} is none of those that every project begins with.",
                    hint="Change it, or delete it.",
                    code="not_a_preset",
                )
            return self._replaced(connection, actor, row, PRESETS[row.preset])

    def restore(self, actor: Actor, project: str) -> list[DashboardSummary]:
        """Bring back those of the set that were deleted; the others stay as they are."""
        self._set_up(project)
        with self._metadata.write() as connection:
            rows = store.of_project(connection, project)
            present = {row.preset for row in rows}
            taken = {row.name for row in rows}
            for preset, document in PRESETS.items():
                if preset in present:
                    continue
                name = document.name if document.name not in taken else _free_name(document.name, taken)
                self._created(connection, actor, project, msgspec.structs.replace(document, name=name), preset=preset)
        return self.listed(project)

    # --- parts --------------------------------------------------------------------------------

    def _set_up(self, project: str) -> None:
        with self._metadata.read() as connection:
            if store.is_set_up(connection, project):
                return
        with self._metadata.write() as connection:
            # Somebody else may have looked first.
            if store.is_set_up(connection, project):
                return
            now = self._clock.now()
            store.set_up(connection, project, at=now)
            for preset, document in PRESETS.items():
                store.insert(connection, self._row(project, document, preset=preset, by=PENSTOCK))

    def _created(
        self,
        connection: Connection,
        actor: Actor,
        project: str,
        document: DashboardDocument,
        *,
        preset: str | None = None,
    ) -> Dashboard:
        if len(store.of_project(connection, project)) >= MAX_DASHBOARDS:
            raise Conflict(
                f"A project has at most {MAX_DASHBOARDS} dashboards.", hint="Delete one.", code="too_many_dashboards"
            )
        _check_name(connection, project, document.name)
        row = self._row(project, document, preset=preset, by=actor.name)
        store.insert(connection, row)
        self._note(connection, actor, row, "create")
        return _shown(row)

    def _replaced(
        self, connection: Connection, actor: Actor, row: DashboardRow, document: DashboardDocument
    ) -> Dashboard:
        body = _body(document)
        if body == row.body:
            return _shown(row)
        if document.name != row.name:
            _check_name(connection, row.project, document.name)
        changed = msgspec.structs.replace(
            row,
            name=document.name,
            body=body,
            version=row.version + 1,
            updated=self._clock.now(),
            updated_by=actor.name,
        )
        store.update(connection, changed)
        self._note(connection, actor, changed, "update")
        return _shown(changed)

    def _row(self, project: str, document: DashboardDocument, *, preset: str | None, by: str) -> DashboardRow:
        now = self._clock.now()
        return DashboardRow(
            id=self._ids.uuid7(),
            project=project,
            name=document.name,
            preset=preset,
            version=1,
            body=_body(document),
            created=now,
            created_by=by,
            updated=now,
            updated_by=by,
        )

    def _note(self, connection: Connection, actor: Actor, row: DashboardRow, action: str) -> None:
        note(
            connection,
            actor,
            id_=self._ids.uuid7(),
            at=self._clock.now(),
            action=f"dashboard.{action}",
            target=row.id,
            project=row.project,
            details={"name": row.name, "version": row.version},
        )


def _found(connection: Connection, project: str, id_: str) -> DashboardRow:
    row = store.find(connection, project=project, id_=id_)
    return row if row is not None else _missing(id_)


def _missing(id_: str) -> NoReturn:
    raise NotFound(
        f"There is no dashboard {id_[:64]!r} in this project.",
        hint="GET /api/v1/dashboards lists them.",
        code="dashboard_not_found",
    )


def _check_name(connection: Connection, project: str, name: str) -> None:
    if store.named(connection, project=project, name=name) is not None:
        raise Conflict(
            f"A dashboard is called {name} already.", hint="Take another name, or change that one.", code="name_taken"
        )


def _check_version(row: DashboardRow, expected: str | None) -> None:
    if expected not in {None, "*", str(row.version)}:
        raise PreconditionFailed(
            f"Version {expected} was expected, and it is in version {row.version}, last written by {row.updated_by}.",
            hint="Read it again, and write on top of that.",
        )


def _free_name(name: str, taken: set[str]) -> str:
    base = name[:80].rstrip()
    found = f"{base} (copy)"
    number = 2
    while found in taken:
        found = f"{base} (copy {number})"
        number += 1
    return found


def _body(document: DashboardDocument) -> dict[str, Any]:
    return msgspec.to_builtins(document)


def _document(body: dict[str, Any]) -> DashboardDocument:
    try:
        return msgspec.convert(body, DashboardDocument)
    except msgspec.ValidationError as error:
        # A newer version may have written what this one does not know.
        raise InvalidInput(
            f"This version of Penstock cannot read the dashboard: {error}.",
            hint="Use the version that wrote it, or write it anew.",
            code="dashboard_unreadable",
        ) from error


def _shown(row: DashboardRow) -> Dashboard:
    return Dashboard(
        id=row.id,
        preset=row.preset,
        version=row.version,
        document=_document(row.body),
        created=row.created,
        created_by=row.created_by,
        updated=row.updated,
        updated_by=row.updated_by,
    )


def _summary(row: DashboardRow) -> DashboardSummary:
    return DashboardSummary(
        id=row.id,
        preset=row.preset,
        version=row.version,
        name=row.name,
        description=str(row.body.get("description", "")),
        widgets=len(row.body.get("widgets", ())),
        updated=row.updated,
        updated_by=row.updated_by,
    )
