"""Statements on deletions and retention. Every function runs in the transaction of the connection it is given."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, select, update

from penstock.store.metadata.schema import deletions, retention
from penstock.tracing.retention.types import DeletionState

__all__ = [
    "DeletionRow",
    "RetentionRow",
    "add",
    "change",
    "find",
    "newest",
    "policies",
    "policy_of",
    "set_policy",
    "unfinished",
]


class DeletionRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    what: dict[str, Any] | None
    selection: dict[str, Any]
    state: DeletionState
    requested: int
    requested_by: str
    started: int | None = None
    finished: int | None = None
    total: int = 0
    spans: int = 0
    scores: int = 0
    lines: int = 0
    remaining: int | None = None
    error: str | None = None


class RetentionRow(msgspec.Struct, frozen=True, kw_only=True):
    project: str
    body: dict[str, Any]
    updated: int
    updated_by: str


def add(connection: Connection, row: DeletionRow) -> None:
    connection.execute(deletions.insert().values(msgspec.structs.asdict(row)))


def change(connection: Connection, id_: str, **values: object) -> None:
    connection.execute(update(deletions).where(deletions.c.id == id_).values(**values))


def find(connection: Connection, *, project: str, id_: str) -> DeletionRow | None:
    query = select(deletions).where(deletions.c.project == project, deletions.c.id == id_)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _row(row)


def newest(connection: Connection, *, project: str, after: str | None, limit: int) -> list[DeletionRow]:
    """The newest first; ids are in the order of time."""
    query = select(deletions).where(deletions.c.project == project)
    if after is not None:
        query = query.where(deletions.c.id < after)
    return [_row(row) for row in connection.execute(query.order_by(deletions.c.id.desc()).limit(limit)).mappings()]


def unfinished(connection: Connection) -> list[DeletionRow]:
    """Those of all projects that are not done, the oldest first."""
    query = select(deletions).where(deletions.c.state != "done").order_by(deletions.c.id)
    return [_row(row) for row in connection.execute(query).mappings()]


def policies(connection: Connection) -> Sequence[RetentionRow]:
    return [RetentionRow(**row) for row in connection.execute(select(retention)).mappings()]


def policy_of(connection: Connection, project: str) -> RetentionRow | None:
    row = connection.execute(select(retention).where(retention.c.project == project)).mappings().one_or_none()
    return None if row is None else RetentionRow(**row)


def set_policy(connection: Connection, row: RetentionRow) -> None:
    connection.execute(retention.delete().where(retention.c.project == row.project))
    connection.execute(retention.insert().values(msgspec.structs.asdict(row)))


def _row(row: RowMapping) -> DeletionRow:
    return DeletionRow(**row)
