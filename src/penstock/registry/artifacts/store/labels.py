"""Labels, their history, and which of them are protected."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, and_, delete, select, update

from penstock.registry.artifacts.types import MoveAction
from penstock.store.metadata.schema import (
    artifact_label_moves,
    artifact_labels,
    artifact_protections,
    artifact_versions,
    artifacts,
)

__all__ = [
    "LabelRecord",
    "LabelledRow",
    "MoveRecord",
    "add_move",
    "all_labelled",
    "find",
    "moves_of",
    "of_artifacts",
    "protected",
    "put",
    "put_protected",
    "remove",
]


class LabelRecord(msgspec.Struct, frozen=True, kw_only=True):
    artifact: str
    name: str
    number: int
    moved: int
    moved_by: str


class MoveRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a label."""

    id: str
    artifact: str
    label: str
    action: MoveAction
    before: int | None
    after: int | None
    at: int
    actor_kind: str
    actor: str | None
    actor_name: str
    reason: str


class LabelledRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version that a label stands at."""

    artifact: str
    project: str
    name: str
    label: str
    number: int
    digest: str


def find(connection: Connection, artifact: str, name: str) -> LabelRecord | None:
    where = and_(artifact_labels.c.artifact == artifact, artifact_labels.c.name == name)
    row = connection.execute(select(artifact_labels).where(where)).mappings().one_or_none()
    return None if row is None else LabelRecord(**row)


def of_artifacts(connection: Connection, ids: Sequence[str]) -> dict[str, list[LabelRecord]]:
    """By artifact, in order of names; those without are missing."""
    wanted = select(artifact_labels).where(artifact_labels.c.artifact.in_(ids)).order_by(artifact_labels.c.name)
    found: dict[str, list[LabelRecord]] = {}
    for row in connection.execute(wanted).mappings():
        found.setdefault(row["artifact"], []).append(LabelRecord(**row))
    return found


def put(connection: Connection, row: LabelRecord) -> None:
    where = and_(artifact_labels.c.artifact == row.artifact, artifact_labels.c.name == row.name)
    fields = msgspec.structs.asdict(row)
    if connection.execute(update(artifact_labels).where(where).values(fields)).rowcount == 0:
        connection.execute(artifact_labels.insert().values(fields))


def remove(connection: Connection, artifact: str, name: str) -> None:
    where = and_(artifact_labels.c.artifact == artifact, artifact_labels.c.name == name)
    connection.execute(delete(artifact_labels).where(where))


def add_move(connection: Connection, row: MoveRecord) -> None:
    connection.execute(artifact_label_moves.insert().values(msgspec.structs.asdict(row)))


def moves_of(
    connection: Connection, artifact: str, label: str | None, *, before: str | None = None, limit: int | None = None
) -> list[MoveRecord]:
    """Newest first; of all labels when none is named, older than the change of the id `before`."""
    move = artifact_label_moves.c
    wanted = select(artifact_label_moves).where(move.artifact == artifact).order_by(move.id.desc())
    if label is not None:
        wanted = wanted.where(move.label == label)
    if before is not None:
        wanted = wanted.where(move.id < before)
    if limit is not None:
        wanted = wanted.limit(limit)
    return [MoveRecord(**row) for row in connection.execute(wanted).mappings()]


def protected(connection: Connection, project: str, kind: str) -> list[str] | None:
    """None: nobody has said."""
    where = and_(artifact_protections.c.project == project, artifact_protections.c.kind == kind)
    return connection.execute(select(artifact_protections.c.labels).where(where)).scalar_one_or_none()


def put_protected(
    connection: Connection, project: str, kind: str, *, labels: Sequence[str], updated: int, updated_by: str
) -> None:
    where = and_(artifact_protections.c.project == project, artifact_protections.c.kind == kind)
    connection.execute(delete(artifact_protections).where(where))
    connection.execute(
        artifact_protections.insert().values(
            project=project, kind=kind, labels=list(labels), updated=updated, updated_by=updated_by
        )
    )


def all_labelled(connection: Connection, kind: str) -> list[LabelledRow]:
    """Every labelled version of a kind that is not archived, in all projects."""
    version = and_(
        artifact_versions.c.artifact == artifact_labels.c.artifact,
        artifact_versions.c.number == artifact_labels.c.number,
    )
    wanted = (
        select(
            artifacts.c.id.label("artifact"),
            artifacts.c.project,
            artifacts.c.name,
            artifact_labels.c.name.label("label"),
            artifact_labels.c.number,
            artifact_versions.c.digest,
        )
        .join(artifact_labels, artifact_labels.c.artifact == artifacts.c.id)
        .join(artifact_versions, version)
        .where(and_(artifacts.c.kind == kind, artifacts.c.archived.is_(None)))
        .order_by(artifacts.c.project, artifacts.c.name, artifact_labels.c.name)
    )
    return [LabelledRow(**row) for row in connection.execute(wanted).mappings()]
