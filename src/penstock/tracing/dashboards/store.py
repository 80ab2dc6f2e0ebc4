"""Statements on dashboards. Every function runs in the transaction of the connection it is given, decides nothing."""

from typing import Any

import msgspec
from sqlalchemy import Connection, RowMapping, and_, select

from penstock.store.metadata.schema import dashboard_sets, dashboards

__all__ = ["DashboardRow", "find", "insert", "is_set_up", "named", "of_project", "remove", "set_up", "update"]


class DashboardRow(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    project: str
    name: str
    preset: str | None
    version: int
    body: dict[str, Any]
    created: int
    created_by: str
    updated: int
    updated_by: str


def of_project(connection: Connection, project: str) -> list[DashboardRow]:
    found = connection.execute(
        select(dashboards).where(dashboards.c.project == project).order_by(dashboards.c.name, dashboards.c.id)
    )
    return [_row(row) for row in found.mappings()]


def find(connection: Connection, *, project: str, id_: str) -> DashboardRow | None:
    return _one(connection, and_(dashboards.c.project == project, dashboards.c.id == id_))


def named(connection: Connection, *, project: str, name: str) -> DashboardRow | None:
    return _one(connection, and_(dashboards.c.project == project, dashboards.c.name == name))


def insert(connection: Connection, row: DashboardRow) -> None:
    connection.execute(dashboards.insert().values(msgspec.structs.asdict(row)))


def update(connection: Connection, row: DashboardRow) -> None:
    values = msgspec.structs.asdict(row)
    connection.execute(dashboards.update().where(dashboards.c.id == row.id).values(values))


def remove(connection: Connection, id_: str) -> None:
    connection.execute(dashboards.delete().where(dashboards.c.id == id_))


def is_set_up(connection: Connection, project: str) -> bool:
    """Whether the project was given the set that every project begins with."""
    return (
        connection.execute(
            select(dashboard_sets.c.project).where(dashboard_sets.c.project == project)
        ).scalar_one_or_none()
        is not None
    )


def set_up(connection: Connection, project: str, *, at: int) -> None:
    connection.execute(dashboard_sets.insert().values(project=project, made=at))


def _one(connection: Connection, where: Any) -> DashboardRow | None:
    row = connection.execute(select(dashboards).where(where)).mappings().one_or_none()
    return None if row is None else _row(row)


def _row(row: RowMapping) -> DashboardRow:
    return DashboardRow(**row)
