"""Rows of virtual keys."""

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, or_, select, update

from penstock.store.metadata.schema import keys

__all__ = ["KeyRow", "all_unrevoked", "by_hash", "by_id", "insert", "names", "of_project", "revoke", "rotate", "touch"]


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One key as stored; see `penstock.store.metadata.schema`."""

    id: str
    project: str
    name: str
    prefix: str
    hash: str
    scopes: list[str]
    models: list[str]
    all_projects: bool
    created: int
    creator_key: str | None
    creator_user: str | None
    created_by: str
    expires: int | None
    revoked: int | None
    last_used: int | None


def insert(connection: Connection, row: KeyRow) -> None:
    connection.execute(keys.insert().values(msgspec.structs.asdict(row)))


def by_hash(connection: Connection, digest: str) -> KeyRow | None:
    return _one(connection.execute(select(keys).where(keys.c.hash == digest)).mappings().one_or_none())


def by_id(connection: Connection, key: str) -> KeyRow | None:
    return _one(connection.execute(select(keys).where(keys.c.id == key)).mappings().one_or_none())


def of_project(connection: Connection, project: str) -> list[KeyRow]:
    """Newest first."""
    found = connection.execute(
        select(keys).where(keys.c.project == project).order_by(keys.c.created.desc(), keys.c.id.desc())
    )
    return [_row(row) for row in found.mappings()]


def names(connection: Connection, project: str) -> dict[str, str]:
    """Key names by id, revoked ones and those that hold in every project included."""
    found = connection.execute(
        select(keys.c.id, keys.c.name).where(or_(keys.c.project == project, keys.c.all_projects.is_(True)))
    )
    return {row.id: row.name for row in found}


def all_unrevoked(connection: Connection) -> list[KeyRow]:
    """Keys that are not revoked; expired ones are among them."""
    found = connection.execute(select(keys).where(keys.c.revoked.is_(None)).order_by(keys.c.id))
    return [_row(row) for row in found.mappings()]


def revoke(connection: Connection, key: str, *, at: int) -> bool:
    """False when it was revoked already."""
    done = connection.execute(update(keys).where(keys.c.id == key, keys.c.revoked.is_(None)).values(revoked=at))
    return done.rowcount == 1


def rotate(connection: Connection, key: str, *, digest: str, prefix: str) -> bool:
    """Put a new secret in place of the old one. False when the key is revoked."""
    done = connection.execute(
        update(keys).where(keys.c.id == key, keys.c.revoked.is_(None)).values(hash=digest, prefix=prefix)
    )
    return done.rowcount == 1


def touch(connection: Connection, uses: Mapping[str, int]) -> None:
    """Move `last_used` forward, never back. Unknown ids are passed over."""
    connection.execute(
        update(keys)
        .where(keys.c.id == bindparam("key"), or_(keys.c.last_used.is_(None), keys.c.last_used < bindparam("at")))
        .values(last_used=bindparam("at")),
        [{"key": key, "at": at} for key, at in uses.items()],
    )


def _one(row: RowMapping | None) -> KeyRow | None:
    return None if row is None else _row(row)


def _row(row: RowMapping) -> KeyRow:
    return KeyRow(**row)
