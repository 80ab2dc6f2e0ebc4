"""Rows of one-time sign-in links and of console sessions. Tokens are stored as hashes only."""

import msgspec
from sqlalchemy import Connection, delete, or_, select, update

from penstock.store.metadata.schema import sessions, signin_links

__all__ = [
    "Link",
    "Session",
    "by_hash",
    "consume_link",
    "end",
    "end_all_of",
    "forget_before",
    "insert",
    "insert_link",
    "touch",
]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    hash: str
    user: str
    created: int
    expires: int


class Session(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    hash: str
    user: str
    created: int
    seen: int


def insert_link(connection: Connection, link: Link) -> None:
    connection.execute(signin_links.insert().values(msgspec.structs.asdict(link)))


def consume_link(connection: Connection, digest: str, *, now: int) -> str | None:
    """The user of a link that was neither used nor expired; it is used from here on. One statement decides."""
    done = connection.execute(
        update(signin_links)
        .where(signin_links.c.hash == digest, signin_links.c.used.is_(None), signin_links.c.expires > now)
        .values(used=now)
    )
    if done.rowcount != 1:
        return None
    return connection.execute(select(signin_links.c.user).where(signin_links.c.hash == digest)).scalar_one()


def insert(connection: Connection, session: Session) -> None:
    connection.execute(sessions.insert().values(msgspec.structs.asdict(session)))


def by_hash(connection: Connection, digest: str) -> Session | None:
    """A session that was not ended; whether its time has run out is for the caller to say."""
    row = connection.execute(
        select(sessions).where(sessions.c.hash == digest, sessions.c.ended.is_(None))
    ).one_or_none()
    if row is None:
        return None
    return Session(id=row.id, hash=row.hash, user=row.user, created=row.created, seen=row.seen)


def touch(connection: Connection, session: str, *, now: int) -> None:
    connection.execute(update(sessions).where(sessions.c.id == session).values(seen=now))


def end(connection: Connection, digest: str, *, now: int) -> None:
    connection.execute(update(sessions).where(sessions.c.hash == digest, sessions.c.ended.is_(None)).values(ended=now))


def end_all_of(connection: Connection, user: str, *, now: int) -> None:
    """End a user's sessions and withdraw their unused links."""
    connection.execute(update(sessions).where(sessions.c.user == user, sessions.c.ended.is_(None)).values(ended=now))
    connection.execute(
        update(signin_links).where(signin_links.c.user == user, signin_links.c.used.is_(None)).values(used=now)
    )


def forget_before(connection: Connection, *, sessions_before: int, links_before: int) -> None:
    """Delete what can never be used again, so that the tables stay small."""
    connection.execute(
        delete(sessions).where(or_(sessions.c.created < sessions_before, sessions.c.ended < sessions_before))
    )
    connection.execute(delete(signin_links).where(signin_links.c.expires < links_before))
