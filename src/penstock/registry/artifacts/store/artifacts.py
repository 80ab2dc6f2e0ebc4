"""Artifacts with their tags, and lists of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, or_, select, update

from penstock.registry.artifacts.store.texts import containing, words_of
from penstock.registry.artifacts.types import LATEST, Listing
from penstock.store.metadata.schema import artifact_labels, artifact_tags, artifacts

__all__ = ["ArtifactRecord", "by_ids", "find", "insert", "listed", "put_tags", "tags_of", "write"]


class ArtifactRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One artifact as stored; see `penstock.store.metadata.artifact_tables`."""

    id: str
    project: str
    kind: str
    name: str
    description: str
    last: int
    head: int | None
    archived: int | None
    created: int
    created_by: str
    updated: int
    updated_by: str


def find(
    connection: Connection, *, project: str, kind: str, name_or_id: str, lock: bool = False
) -> ArtifactRecord | None:
    """A name never has the form of an id, so both share one look-up. `lock`: until the transaction ends."""
    column = artifacts.c
    where = and_(
        column.project == project, column.kind == kind, or_(column.name == name_or_id, column.id == name_or_id)
    )
    wanted = select(artifacts).where(where)
    row = connection.execute(wanted.with_for_update() if lock else wanted).mappings().one_or_none()
    return None if row is None else ArtifactRecord(**row)


def by_ids(connection: Connection, ids: Iterable[str]) -> dict[str, ArtifactRecord]:
    found = connection.execute(select(artifacts).where(artifacts.c.id.in_(list(ids))))
    return {row["id"]: ArtifactRecord(**row) for row in found.mappings()}


def insert(connection: Connection, row: ArtifactRecord) -> None:
    connection.execute(artifacts.insert().values(msgspec.structs.asdict(row)))


def write(connection: Connection, row: ArtifactRecord) -> None:
    """Put the row in the place of the one of its id."""
    connection.execute(update(artifacts).where(artifacts.c.id == row.id).values(msgspec.structs.asdict(row)))


def put_tags(connection: Connection, artifact: str, tags: Sequence[str]) -> None:
    connection.execute(delete(artifact_tags).where(artifact_tags.c.artifact == artifact))
    if tags:
        connection.execute(artifact_tags.insert(), [{"artifact": artifact, "tag": tag} for tag in tags])


def tags_of(connection: Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    """By artifact, in order; those without are missing."""
    wanted = select(artifact_tags).where(artifact_tags.c.artifact.in_(ids)).order_by(artifact_tags.c.tag)
    found: dict[str, list[str]] = {}
    for row in connection.execute(wanted):
        found.setdefault(row.artifact, []).append(row.tag)
    return found


def listed(connection: Connection, listing: Listing, *, project: str, kind: str, limit: int) -> list[ArtifactRecord]:
    """In the listing's order, after its cursor.

    Args:
        connection: A transaction.
        listing: What is asked for; its cursor is `<name>`, or `<updated>:<id>`.
        project: Whose.
        kind: Of which kind.
        limit: How many at most.
    """
    column = artifacts.c
    conditions: list[ColumnElement[bool]] = [column.project == project, column.kind == kind]
    conditions.append(column.archived.is_not(None) if listing.archived else column.archived.is_(None))
    conditions += _narrowed(listing)
    words = words_of(listing.q)
    if words:
        conditions.append(containing(connection, words, project=project, kind=kind))
    wanted = select(artifacts).where(and_(*conditions))
    wanted = _ordered(wanted, listing).limit(limit)
    return [ArtifactRecord(**row) for row in connection.execute(wanted).mappings()]


def _ordered(wanted: Select[Any], listing: Listing) -> Select[Any]:
    column = artifacts.c
    if listing.sort == "name":
        if listing.cursor is not None:
            wanted = wanted.where(column.name > listing.cursor)
        return wanted.order_by(column.name)
    if listing.cursor is not None:
        at, _, id_ = listing.cursor.partition(":")
        wanted = wanted.where(or_(column.updated < int(at), and_(column.updated == int(at), column.id < id_)))
    return wanted.order_by(column.updated.desc(), column.id.desc())


def _narrowed(listing: Listing) -> list[ColumnElement[bool]]:
    column = artifacts.c
    found: list[ColumnElement[bool]] = []
    if listing.folder:
        found.append(column.name.startswith(f"{listing.folder.strip('/')}/", autoescape=True))
    if listing.tag is not None:
        where = and_(artifact_tags.c.artifact == column.id, artifact_tags.c.tag == listing.tag)
        found.append(exists(select(artifact_tags.c.tag).where(where)))
    if listing.label == LATEST:
        found.append(column.head.is_not(None))
    elif listing.label is not None:
        where = and_(artifact_labels.c.artifact == column.id, artifact_labels.c.name == listing.label)
        found.append(exists(select(artifact_labels.c.name).where(where)))
    return found
