"""Bodies, versions and branches."""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, and_, select, update

from penstock.core.errors import CorruptData
from penstock.store.metadata.schema import artifact_blobs, artifact_branches, artifact_versions, artifacts

__all__ = [
    "BranchRecord",
    "VersionRecord",
    "bodies",
    "branch",
    "branches_of",
    "by_digest",
    "by_number",
    "digests_of_heads",
    "insert",
    "packed",
    "put_blob",
    "put_branch",
    "versions_of",
]

COMPRESSED_FROM: Final = 1024
"""Bytes of JSON; a smaller body gains nothing."""


class VersionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One version as stored; see `penstock.store.metadata.artifact_tables`."""

    artifact: str
    number: int
    digest: str
    branch: str
    parent: int | None
    merged: int | None
    message: str
    created: int
    created_by: str


class BranchRecord(msgspec.Struct, frozen=True, kw_only=True):
    artifact: str
    name: str
    head: int
    created: int
    created_by: str


def put_blob(connection: Connection, digest: str, data: bytes) -> None:
    """Keep a body, as JSON; nothing happens when there is one of this digest."""
    known = select(artifact_blobs.c.digest).where(artifact_blobs.c.digest == digest)
    if connection.execute(known).scalar_one_or_none() is not None:
        return
    encoding, size, kept = packed(data)
    connection.execute(artifact_blobs.insert().values(digest=digest, encoding=encoding, size=size, data=kept))


def packed(data: bytes) -> tuple[str, int, bytes]:
    """Encoding, size and stored bytes of a body's JSON."""
    if len(data) <= COMPRESSED_FROM:
        return "json", len(data), data
    return "zlib", len(data), zlib.compress(data)


def bodies(connection: Connection, digests: Iterable[str]) -> dict[str, Any]:
    """Bodies by digest.

    Raises:
        CorruptData: one cannot be read.
    """
    blobs = artifact_blobs.c
    wanted = list(dict.fromkeys(digests))
    found: dict[str, Any] = {}
    for start in range(0, len(wanted), 500):  # SQLite bounds the number of bound values
        chosen = select(blobs.digest, blobs.encoding, blobs.data).where(blobs.digest.in_(wanted[start : start + 500]))
        for row in connection.execute(chosen):
            try:
                data = zlib.decompress(row.data) if row.encoding == "zlib" else row.data
                found[row.digest] = msgspec.json.decode(data)
            except (zlib.error, msgspec.MsgspecError) as error:
                raise CorruptData(f"The content {row.digest} of an artifact cannot be read: {error}.") from error
    return found


def insert(connection: Connection, row: VersionRecord) -> None:
    connection.execute(artifact_versions.insert().values(msgspec.structs.asdict(row)))


def by_number(connection: Connection, artifact: str, number: int) -> VersionRecord | None:
    where = and_(artifact_versions.c.artifact == artifact, artifact_versions.c.number == number)
    row = connection.execute(select(artifact_versions).where(where)).mappings().one_or_none()
    return None if row is None else VersionRecord(**row)


def by_digest(connection: Connection, artifact: str, beginning: str) -> list[VersionRecord]:
    """Versions whose digest begins so, newest first, at most one for each digest and two in all."""
    version = artifact_versions.c
    where = and_(version.artifact == artifact, version.digest.startswith(beginning, autoescape=True))
    found: dict[str, VersionRecord] = {}
    for row in connection.execute(select(artifact_versions).where(where).order_by(version.number.desc())).mappings():
        found.setdefault(row["digest"], VersionRecord(**row))
        if len(found) == 2:
            break
    return list(found.values())


def digests_of_heads(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """By artifact; one without a version is missing."""
    version = artifact_versions.c
    on = and_(version.artifact == artifacts.c.id, version.number == artifacts.c.head)
    wanted = select(version.artifact, version.digest).join(artifacts, on).where(artifacts.c.id.in_(ids))
    return {row.artifact: row.digest for row in connection.execute(wanted)}


def versions_of(
    connection: Connection, artifact: str, *, branch: str | None, before: int | None, limit: int
) -> list[VersionRecord]:
    """Newest first; of all branches when none is named."""
    version = artifact_versions.c
    where = version.artifact == artifact
    if branch is not None:
        where = and_(where, version.branch == branch)
    if before is not None:
        where = and_(where, version.number < before)
    wanted = select(artifact_versions).where(where).order_by(version.number.desc()).limit(limit)
    return [VersionRecord(**row) for row in connection.execute(wanted).mappings()]


def branch(connection: Connection, artifact: str, name: str) -> BranchRecord | None:
    where = and_(artifact_branches.c.artifact == artifact, artifact_branches.c.name == name)
    row = connection.execute(select(artifact_branches).where(where)).mappings().one_or_none()
    return None if row is None else BranchRecord(**row)


def branches_of(connection: Connection, artifact: str) -> list[tuple[BranchRecord, str]]:
    """By name, each with the digest of its head."""
    on = and_(
        artifact_versions.c.artifact == artifact_branches.c.artifact,
        artifact_versions.c.number == artifact_branches.c.head,
    )
    wanted = (
        select(artifact_branches, artifact_versions.c.digest)
        .join(artifact_versions, on)
        .where(artifact_branches.c.artifact == artifact)
        .order_by(artifact_branches.c.name)
    )
    found: list[tuple[BranchRecord, str]] = []
    for row in connection.execute(wanted).mappings():
        fields = dict(row)
        digest = fields.pop("digest")
        found.append((BranchRecord(**fields), digest))
    return found


def put_branch(connection: Connection, row: BranchRecord) -> None:
    """Make a branch, or move the head of the one of this name."""
    where = and_(artifact_branches.c.artifact == row.artifact, artifact_branches.c.name == row.name)
    if connection.execute(update(artifact_branches).where(where).values(head=row.head)).rowcount == 0:
        connection.execute(artifact_branches.insert().values(msgspec.structs.asdict(row)))
