"""Artifacts themselves: making, describing, archiving, finding them."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from penstock.core.errors import Conflict, InvalidInput
from penstock.identity.types import Principal
from penstock.registry.artifacts.context import Context, check_limit, find_artifact
from penstock.registry.artifacts.names import check_name, check_tags, check_text
from penstock.registry.artifacts.protection import check_may_move, protected_labels
from penstock.registry.artifacts.store import artifacts, labels, texts, versions
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.types import Artifact, ArtifactRow, Branch, Changed, Label, Listing, NewArtifact, Ref

__all__ = ["Catalog", "searched_text"]

MAX_DESCRIPTION: Final = 2000
MAX_TEXT: Final = 64 * 1024
"""Characters of an artifact that are searched."""
MAX_QUESTION: Final = 500
"""Characters of what is searched for."""


class Catalog:
    """All artifacts of all projects. Methods block."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def listed(self, project: str, kind: str, listing: Listing) -> tuple[list[ArtifactRow], str | None]:
        """One page, and the cursor of the next one.

        Raises:
            InvalidInput: the cursor or limit does not fit.
            NotFound: `kind_not_found`.
        """
        self._context.kinds.get(kind)
        check_limit(listing.limit)
        _check_cursor(listing)
        if len(listing.q) > MAX_QUESTION:
            raise InvalidInput(
                f"Expected at most {MAX_QUESTION} characters to search for, got {len(listing.q)}.", field="q"
            )
        with self._context.metadata.read() as connection:
            rows = artifacts.listed(connection, listing, project=project, kind=kind, limit=listing.limit + 1)
            page = rows[: listing.limit]
            shown = self._rows(connection, page, project=project, kind=kind)
        if len(rows) <= listing.limit:
            return shown, None
        last = page[-1]
        return shown, last.name if listing.sort == "name" else f"{last.updated}:{last.id}"

    def get(self, ref: Ref) -> Artifact:
        """One artifact by name or id. Raises `NotFound`."""
        self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            return self._whole(connection, find_artifact(connection, ref))

    def create(self, actor: Principal, project: str, kind: str, new: NewArtifact) -> Artifact:
        """Make an artifact without a version.

        Raises:
            InvalidInput: a field does not fit.
            Conflict: `artifact_exists`.
        """
        self._context.kinds.get(kind)
        with self._context.metadata.write() as connection:
            return self._whole(connection, self.insert(connection, actor, project, kind, new))

    def insert(
        self, connection: Connection, actor: Principal, project: str, kind: str, new: NewArtifact
    ) -> ArtifactRecord:
        """As `create`, in a transaction of the caller's."""
        check_name(new.name)
        check_text(new.description, field="description", most=MAX_DESCRIPTION)
        tags = check_tags(new.tags)
        if artifacts.find(connection, project=project, kind=kind, name_or_id=new.name) is not None:
            raise Conflict(f"There is a {kind} called {new.name} already.", code="artifact_exists")
        now = self._context.clock.now()
        row = ArtifactRecord(
            id=self._context.ids.uuid7(),
            project=project,
            kind=kind,
            name=new.name,
            description=new.description,
            last=0,
            head=None,
            archived=None,
            created=now,
            created_by=actor.name,
            updated=now,
            updated_by=actor.name,
        )
        artifacts.insert(connection, row)
        artifacts.put_tags(connection, row.id, tags)
        texts.put_text(connection, row.id, searched_text(row, ""))
        self._context.note(connection, actor, "artifact.created", row)
        return row

    def change(self, actor: Principal, ref: Ref, changed: Changed) -> Artifact:
        """Describe or tag it anew. Raises `NotFound`, `InvalidInput`, `Conflict` (`artifact_archived`)."""
        known = self._context.kinds.get(ref.kind)
        with self._context.metadata.write() as connection:
            row = find_artifact(connection, ref, lock=True, active=True)
            if changed.description is not None and changed.description != row.description:
                check_text(changed.description, field="description", most=MAX_DESCRIPTION)
                row = msgspec.structs.replace(
                    row, description=changed.description, updated=self._context.clock.now(), updated_by=actor.name
                )
                artifacts.write(connection, row)
                head = None if row.head is None else versions.by_number(connection, row.id, row.head)
                body = None if head is None else versions.bodies(connection, [head.digest])[head.digest]
                text = "" if body is None else known.text(body)
                texts.put_text(connection, row.id, searched_text(row, text))
            if changed.tags is not None:
                artifacts.put_tags(connection, row.id, check_tags(changed.tags))
            self._context.note(connection, actor, "artifact.changed", row)
            return self._whole(connection, row)

    def archive(self, actor: Principal, ref: Ref, *, archived: bool) -> Artifact:
        """Take it out of use, or back into it. Versions and labels stay; a gateway is given no archived one.

        Raises:
            NotFound: `artifact_not_found`.
            PermissionDenied: it has a protected label that the actor may not move (`label_protected`).
        """
        self._context.kinds.get(ref.kind)
        with self._context.change() as connection:
            row = find_artifact(connection, ref, lock=True)
            for label in labels.of_artifacts(connection, [row.id]).get(row.id, []):
                check_may_move(connection, actor, project=ref.project, kind=ref.kind, label=label.name)
            if (row.archived is not None) != archived:
                now = self._context.clock.now()
                row = msgspec.structs.replace(
                    row, archived=now if archived else None, updated=now, updated_by=actor.name
                )
                artifacts.write(connection, row)
                self._context.note(connection, actor, "artifact.archived" if archived else "artifact.unarchived", row)
            return self._whole(connection, row)

    def _whole(self, connection: Connection, row: ArtifactRecord) -> Artifact:
        (shown,) = self._rows(connection, [row], project=row.project, kind=row.kind)
        found = versions.branches_of(connection, row.id)
        branches = [
            Branch(name=one.name, head=one.head, digest=digest, created=one.created, created_by=one.created_by)
            for one, digest in found
        ]
        fields = {name: getattr(shown, name) for name in shown.__struct_fields__}
        return Artifact(**fields, branches=branches)

    def _rows(
        self, connection: Connection, rows: Sequence[ArtifactRecord], *, project: str, kind: str
    ) -> list[ArtifactRow]:
        ids = [row.id for row in rows]
        tags = artifacts.tags_of(connection, ids)
        labelled = labels.of_artifacts(connection, ids)
        digests = versions.digests_of_heads(connection, ids)
        safe = protected_labels(connection, project, kind)
        return [
            ArtifactRow(
                id=row.id,
                kind=row.kind,
                name=row.name,
                description=row.description,
                tags=tags.get(row.id, []),
                head=row.head,
                digest=digests.get(row.id),
                versions=row.last,
                labels=[
                    Label(
                        name=one.name,
                        version=one.number,
                        moved=one.moved,
                        moved_by=one.moved_by,
                        protected=one.name in safe,
                    )
                    for one in labelled.get(row.id, [])
                ],
                archived=row.archived,
                created=row.created,
                created_by=row.created_by,
                updated=row.updated,
                updated_by=row.updated_by,
            )
            for row in rows
        ]


def searched_text(row: ArtifactRecord, text: str) -> str:
    """What a search looks into."""
    return texts.searchable(f"{row.name}\n{row.description}\n{text}"[:MAX_TEXT])


def _check_cursor(listing: Listing) -> None:
    if listing.cursor is None or listing.sort == "name":
        return
    at, _, id_ = listing.cursor.partition(":")
    if not (at.isascii() and at.isdigit() and len(at) < 19 and id_):
        raise InvalidInput("The cursor is none of this list.", field="cursor", hint="Begin without one.")
