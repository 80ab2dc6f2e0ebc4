"""Rules and objectives as they are written down: found, added, written anew and deleted under one set of checks."""

from collections.abc import Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection

from penstock.alerts.context import Context
from penstock.alerts.store import notifications
from penstock.alerts.store import rules as store
from penstock.alerts.store.rules import DefinitionRow, Kind
from penstock.alerts.types import SeriesState
from penstock.core.errors import Conflict, InvalidInput, NotFound
from penstock.identity.types import Principal

__all__ = ["Written"]

NOUNS: Final[dict[Kind, tuple[str, str]]] = {"rule": ("alert", "alert"), "slo": ("slo", "objective")}
"""In codes and the audit log, and in sentences."""


class _Common(msgspec.Struct, frozen=True, kw_only=True):
    """What rules and objectives have in common."""

    name: str
    channels: list[str] = []


class Written:
    """All of one kind. Methods block.

    Args:
        context: Shared dependencies.
        kind: Rules, or objectives.
        most: Of a project.
    """

    def __init__(self, context: Context, kind: Kind, *, most: int) -> None:
        self._context = context
        self._kind: Kind = kind
        self._code, self._noun = NOUNS[kind]
        self._most = most

    def everything(self, project: str) -> list[tuple[DefinitionRow, list[SeriesState]]]:
        """By name, each with its groups."""
        with self._context.metadata.read() as connection:
            rows = store.everything(connection, self._kind, project=project)
            states = store.series_of_project(connection, project)
        return [(row, [state for state in states if state.rule == row.id]) for row in rows]

    def get(self, project: str, id_: str) -> tuple[DefinitionRow, list[SeriesState]]:
        """Raises `NotFound` when there is none in this project."""
        with self._context.metadata.read() as connection:
            return self.found(connection, project, id_), store.series_of(connection, id_)

    def found(self, connection: Connection, project: str, id_: str) -> DefinitionRow:
        """As `get`, within a transaction."""
        row = store.by_id(connection, self._kind, id_, project=project)
        if row is None:
            raise NotFound(f"There is no such {self._noun}, or not in this project.", code=f"{self._code}_not_found")
        return row

    def create(
        self, connection: Connection, actor: Principal, project: str, spec: msgspec.Struct, *, due: int
    ) -> DefinitionRow:
        """Add a new one, to be evaluated first at `due`.

        Raises:
            InvalidInput: it names a channel that is none.
            Conflict: `…_exists`, or there are as many as may be.
        """
        common = self._checked(connection, spec, project=project, own=None)
        if len(store.everything(connection, self._kind, project=project)) >= self._most:
            raise Conflict(f"A project has at most {self._most} {self._noun}s.", code=f"too_many_{self._code}s")
        now = self._context.clock.now()
        row = DefinitionRow(
            id=self._context.ids.uuid7(),
            kind=self._kind,
            project=project,
            name=common.name,
            version=1,
            body=msgspec.to_builtins(spec),
            created=now,
            created_by=actor.name,
            updated=now,
            updated_by=actor.name,
            due=due,
        )
        store.insert(connection, row)
        self._note(connection, actor, row, "create")
        return row

    def replace(
        self, connection: Connection, actor: Principal, row: DefinitionRow, spec: msgspec.Struct, *, due: int
    ) -> DefinitionRow:
        """Write one anew. Raises as `create`."""
        common = self._checked(connection, spec, project=row.project, own=row.id)
        after = msgspec.structs.replace(
            row,
            name=common.name,
            version=row.version + 1,
            body=msgspec.to_builtins(spec),
            updated=self._context.clock.now(),
            updated_by=actor.name,
            due=due,
            error=None,
        )
        store.replace(connection, after)
        self._note(connection, actor, after, "update")
        return after

    def delete(self, actor: Principal, project: str, id_: str) -> None:
        """With its groups; what became of it stays in the history. Raises `NotFound`."""
        with self._context.metadata.write() as connection:
            row = self.found(connection, project, id_)
            store.remove(connection, id_)
            self._note(connection, actor, row, "delete")

    def _checked(self, connection: Connection, spec: msgspec.Struct, *, project: str, own: str | None) -> _Common:
        common = msgspec.convert(spec, _Common, from_attributes=True)
        same = store.by_name(connection, self._kind, common.name, project=project)
        if same is not None and same.id != own:
            raise Conflict(
                f"There is an {self._noun} called {common.name} already.",
                hint="Choose another name.",
                code=f"{self._code}_exists",
            )
        _check_channels(connection, common.channels, project=project)
        return common

    def _note(self, connection: Connection, actor: Principal, row: DefinitionRow, verb: str) -> None:
        action = f"{self._code}.{verb}"
        self._context.audit(connection, actor, action=action, on=row.id, project=row.project, name=row.name)


def _check_channels(connection: Connection, names: Iterable[str], *, project: str) -> None:
    """Raise `InvalidInput` when one of these is no channel of the project."""
    known = {channel.name for channel in notifications.channels_of(connection, project)}
    for name in names:
        if name not in known:
            raise InvalidInput(
                f"There is no channel {name}; there are: {', '.join(sorted(known)) or 'none yet'}.", field="channels"
            )
