"""What people say about artifacts and their versions."""

from typing import Final

from penstock.identity.types import Principal
from penstock.registry.artifacts.context import Context, check_limit, find_artifact
from penstock.registry.artifacts.names import check_text
from penstock.registry.artifacts.resolve import find_version
from penstock.registry.artifacts.store import relations
from penstock.registry.artifacts.store.relations import CommentRecord
from penstock.registry.artifacts.types import Comment, Ref

__all__ = ["Comments"]

MAX_TEXT: Final = 10_000


class Comments:
    """Comments of all artifacts. Methods block."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def listed(
        self,
        ref: Ref,
        *,
        version: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> list[Comment]:
        """Newest first; those of one version only when it is named. Raises `NotFound`, `InvalidInput`."""
        check_limit(limit)
        self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            number = None if version is None else find_version(connection, artifact, version).number
            rows = relations.comments_of(connection, artifact.id, number=number, before=before, limit=limit)
        return [_shown(row) for row in rows]

    def add(self, actor: Principal, ref: Ref, *, text: str, version: str | None = None) -> Comment:
        """Say something about the artifact, or about one version. Raises `NotFound`, `InvalidInput`."""
        check_text(text, field="text", least=1, most=MAX_TEXT)
        self._context.kinds.get(ref.kind)
        with self._context.metadata.write() as connection:
            artifact = find_artifact(connection, ref)
            number = None if version is None else find_version(connection, artifact, version).number
            row = CommentRecord(
                id=self._context.ids.uuid7(),
                artifact=artifact.id,
                number=number,
                at=self._context.clock.now(),
                actor_kind=actor.kind,
                actor=actor.id or None,
                actor_name=actor.name,
                text=text,
            )
            relations.add_comment(connection, row)
            self._context.note(connection, actor, "comment.created", artifact, comment=row.id, version=number)
        return _shown(row)


def _shown(row: CommentRecord) -> Comment:
    return Comment(
        id=row.id, version=row.number, at=row.at, actor_kind=row.actor_kind, actor=row.actor_name, text=row.text
    )
