"""Statements on saved views. Every function runs in the transaction of the connection it is given, decides nothing."""

from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, and_, or_, select

from penstock.store.metadata.schema import saved_views

__all__ = ["ViewRow", "find", "remove", "visible", "write"]


class ViewRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    page: str
    owner: str
    shared: bool
    version: int
    body: dict[str, Any]
    updated: int
    updated_by: str


def visible(connection: Connection, *, project: str, owner: str, page: str | None = None) -> list[ViewRow]:
    """The owner's, and those that are shared."""
    where = and_(saved_views.c.project == project, or_(saved_views.c.shared.is_(True), saved_views.c.owner == owner))
    if page is not None:
        where = and_(where, saved_views.c.page == page)
    found = connection.execute(select(saved_views).where(where).order_by(saved_views.c.id))
    return [_row(row) for row in found.mappings()]


def find(connection: Connection, *, project: str, id_: str) -> ViewRow | None:
    where = and_(saved_views.c.project == project, saved_views.c.id == id_)
    row = connection.execute(select(saved_views).where(where)).mappings().one_or_none()
    return None if row is None else _row(row)


def write(connection: Connection, row: ViewRow) -> None:
    """Put the row in the place of the one of its id, if there is one."""
    remove(connection, row.id)
    connection.execute(saved_views.insert().values(msgspec.structs.asdict(row)))


def remove(connection: Connection, id_: str) -> None:
    connection.execute(saved_views.delete().where(saved_views.c.id == id_))


def _row(row: RowMapping) -> ViewRow:
    return ViewRow(**row)
