"""Rows of users and of the roles they hold."""

import msgspec
from sqlalchemy import Connection, delete, select

from penstock.store.metadata.schema import memberships, users

__all__ = [
    "Membership",
    "User",
    "admins",
    "by_id",
    "by_name",
    "drop_memberships",
    "insert",
    "insert_membership",
    "memberships_of",
]


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    created: int


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    user: str
    project: str | None
    """None: in every project."""
    role: str


_USER = (users.c.id, users.c.name, users.c.created)


def insert(connection: Connection, user: User, *, organization: str) -> None:
    connection.execute(users.insert().values(organization=organization, **msgspec.structs.asdict(user)))


def by_id(connection: Connection, user: str) -> User | None:
    row = connection.execute(select(*_USER).where(users.c.id == user)).one_or_none()
    return None if row is None else User(id=row.id, name=row.name, created=row.created)


def by_name(connection: Connection, name: str) -> User | None:
    row = connection.execute(select(*_USER).where(users.c.name == name)).one_or_none()
    return None if row is None else User(id=row.id, name=row.name, created=row.created)


def memberships_of(connection: Connection, user: str) -> list[Membership]:
    found = connection.execute(select(memberships).where(memberships.c.user == user).order_by(memberships.c.id))
    return [Membership(id=row.id, user=row.user, project=row.project, role=row.role) for row in found]


def insert_membership(connection: Connection, membership: Membership) -> None:
    connection.execute(memberships.insert().values(msgspec.structs.asdict(membership)))


def drop_memberships(connection: Connection, ids: list[str]) -> None:
    connection.execute(delete(memberships).where(memberships.c.id.in_(ids)))


def admins(connection: Connection) -> set[str]:
    """Ids of the users who administer the organisation."""
    found = connection.execute(
        select(memberships.c.user).where(memberships.c.project.is_(None), memberships.c.role == "admin")
    )
    return set(found.scalars())
