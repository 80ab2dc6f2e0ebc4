"""Rows of stored secrets: ciphertext only."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update

from penstock.store.metadata.schema import secrets

__all__ = ["SecretRow", "by_name", "everything", "insert", "remove", "replace", "reseal"]


class SecretRow(msgspec.Struct, frozen=True, kw_only=True):
    """One secret as stored; see `penstock.store.metadata.schema`."""

    name: str
    sealed: str
    created: int
    created_by: str
    updated: int
    updated_by: str


def everything(connection: Connection) -> list[SecretRow]:
    """All secrets, by name."""
    found = connection.execute(select(secrets).order_by(secrets.c.name))
    return [SecretRow(**row) for row in found.mappings()]


def by_name(connection: Connection, name: str) -> SecretRow | None:
    row = connection.execute(select(secrets).where(secrets.c.name == name)).mappings().one_or_none()
    return None if row is None else SecretRow(**row)


def insert(connection: Connection, row: SecretRow) -> None:
    connection.execute(secrets.insert().values(msgspec.structs.asdict(row)))


def replace(connection: Connection, name: str, *, sealed: str, at: int, by: str) -> None:
    """Put a new value in place of the old one."""
    connection.execute(update(secrets).where(secrets.c.name == name).values(sealed=sealed, updated=at, updated_by=by))


def reseal(connection: Connection, sealed: Mapping[str, str]) -> None:
    """Put the same values, sealed anew, in place of the old ones; `sealed` by name."""
    connection.execute(
        update(secrets).where(secrets.c.name == bindparam("secret")).values(sealed=bindparam("text")),
        [{"secret": name, "text": text} for name, text in sealed.items()],
    )


def remove(connection: Connection, name: str) -> bool:
    """False when there is none of that name."""
    return connection.execute(delete(secrets).where(secrets.c.name == name)).rowcount == 1
