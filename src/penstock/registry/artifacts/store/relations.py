"""Edges of lineage, and comments."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import Connection, and_, or_, select

from penstock.registry.artifacts.types import Relation
from penstock.store.metadata.schema import artifact_comments, artifact_edges

__all__ = ["CommentRecord", "EdgeRecord", "add_comment", "add_edge", "comments_of", "edges_from", "edges_to", "known"]

Place = tuple[str, int]
"""Artifact id and number of a version."""


class EdgeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One edge as stored; see `penstock.store.metadata.artifact_tables`."""

    id: str
    project: str
    artifact: str
    number: int
    relation: Relation
    to_artifact: str | None
    to_number: int | None
    external: str | None
    at: int
    actor_name: str


class CommentRecord(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    artifact: str
    number: int | None
    at: int
    actor_kind: str
    actor: str | None
    actor_name: str
    text: str


def add_edge(connection: Connection, row: EdgeRecord) -> None:
    connection.execute(artifact_edges.insert().values(msgspec.structs.asdict(row)))


def known(connection: Connection, row: EdgeRecord) -> bool:
    """Whether there is such an edge already."""
    edge = artifact_edges.c
    where = and_(
        edge.artifact == row.artifact,
        edge.number == row.number,
        edge.relation == row.relation,
        edge.to_artifact == row.to_artifact if row.to_artifact else edge.external == row.external,
        edge.to_number == row.to_number if row.to_artifact else edge.to_number.is_(None),
    )
    return connection.execute(select(edge.id).where(where).limit(1)).scalar_one_or_none() is not None


def edges_from(connection: Connection, places: Iterable[Place], *, limit: int) -> list[EdgeRecord]:
    """What these versions were made from."""
    edge = artifact_edges.c
    where = or_(*(and_(edge.artifact == artifact, edge.number == number) for artifact, number in places))
    wanted = select(artifact_edges).where(where).order_by(edge.id).limit(limit)
    return [EdgeRecord(**row) for row in connection.execute(wanted).mappings()]


def edges_to(connection: Connection, places: Iterable[Place], *, limit: int) -> list[EdgeRecord]:
    """What was made from these versions."""
    edge = artifact_edges.c
    where = or_(*(and_(edge.to_artifact == artifact, edge.to_number == number) for artifact, number in places))
    wanted = select(artifact_edges).where(where).order_by(edge.id).limit(limit)
    return [EdgeRecord(**row) for row in connection.execute(wanted).mappings()]


def add_comment(connection: Connection, row: CommentRecord) -> None:
    connection.execute(artifact_comments.insert().values(msgspec.structs.asdict(row)))


def comments_of(
    connection: Connection, artifact: str, *, number: int | None, before: str | None, limit: int
) -> list[CommentRecord]:
    """Newest first; those of one version only when it is named."""
    comment = artifact_comments.c
    wanted = select(artifact_comments).where(comment.artifact == artifact).order_by(comment.id.desc()).limit(limit)
    if number is not None:
        wanted = wanted.where(comment.number == number)
    if before is not None:
        wanted = wanted.where(comment.id < before)
    return [CommentRecord(**row) for row in connection.execute(wanted).mappings()]
