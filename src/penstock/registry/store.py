"""Statements on the definitions of routes and limits that came through the control API, and on their history.

Every function runs in the transaction of the connection it is given and decides nothing.
"""

from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, RowMapping, and_, func, select

from penstock.store.metadata.schema import definition_history, definitions

__all__ = [
    "EVERY_PROJECT",
    "Act",
    "DefinitionKind",
    "DefinitionRow",
    "acts",
    "append",
    "everything",
    "find",
    "last_version",
    "remove",
    "write",
]

DefinitionKind = Literal["route", "limit"]
EVERY_PROJECT = ""
"""Stands in the column `project` for a definition that holds in all of them."""


class DefinitionRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: DefinitionKind
    project: str
    """Project id, or `EVERY_PROJECT`."""
    name: str
    version: int
    body: dict[str, Any]
    updated: int
    updated_by: str


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a definition."""

    id: str
    kind: DefinitionKind
    project: str
    name: str
    version: int
    at: int
    actor_kind: str
    actor: str | None
    actor_name: str
    action: Literal["create", "update", "delete"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    comment: str


def everything(connection: Connection, kind: DefinitionKind) -> list[DefinitionRow]:
    """All of a kind, by project and name."""
    found = connection.execute(
        select(definitions).where(definitions.c.kind == kind).order_by(definitions.c.project, definitions.c.name)
    )
    return [_row(row) for row in found.mappings()]


def find(connection: Connection, kind: DefinitionKind, *, project: str, name: str) -> DefinitionRow | None:
    where = and_(definitions.c.kind == kind, definitions.c.project == project, definitions.c.name == name)
    row = connection.execute(select(definitions).where(where)).mappings().one_or_none()
    return None if row is None else _row(row)


def last_version(connection: Connection, kind: DefinitionKind, *, project: str, name: str) -> int:
    """The newest version that this name ever had, deletions included; 0 for one that never was."""
    history = definition_history.c
    where = and_(history.kind == kind, history.project == project, history.name == name)
    return connection.execute(select(func.coalesce(func.max(history.version), 0)).where(where)).scalar_one()


def write(connection: Connection, row: DefinitionRow) -> None:
    """Put the row in the place of the one of its id, if there is one."""
    remove(connection, row.id)
    connection.execute(definitions.insert().values(msgspec.structs.asdict(row)))


def remove(connection: Connection, definition: str) -> None:
    connection.execute(definitions.delete().where(definitions.c.id == definition))


def append(connection: Connection, act: Act) -> None:
    connection.execute(definition_history.insert().values(msgspec.structs.asdict(act)))


def acts(
    connection: Connection, kind: DefinitionKind, *, project: str, name: str, before: int | None, limit: int
) -> list[Act]:
    """Newest first; only versions below `before` when it is given."""
    history = definition_history.c
    where = and_(history.kind == kind, history.project == project, history.name == name)
    if before is not None:
        where = and_(where, history.version < before)
    found = connection.execute(select(definition_history).where(where).order_by(history.version.desc()).limit(limit))
    return [Act(**row) for row in found.mappings()]


def _row(row: RowMapping) -> DefinitionRow:
    return DefinitionRow(**row)
