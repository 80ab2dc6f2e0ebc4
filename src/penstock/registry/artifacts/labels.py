"""Labels: moving, taking back, taking away, their history and their protection."""

from typing import Final, NoReturn

from sqlalchemy import Connection

from penstock.core.errors import Conflict, NotFound, PermissionDenied, PreconditionFailed
from penstock.identity.types import Principal
from penstock.registry.artifacts.context import Context, check_limit, find_artifact
from penstock.registry.artifacts.names import check_label, check_text
from penstock.registry.artifacts.protection import check_may_move, protected_labels
from penstock.registry.artifacts.resolve import find_version
from penstock.registry.artifacts.store import labels as store
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.store.labels import LabelRecord, MoveRecord
from penstock.registry.artifacts.types import Label, LabelMove, MoveAction, Protection, Ref

__all__ = ["Labels"]

MAX_REASON: Final = 500
MAX_PROTECTED: Final = 50


class Labels:
    """Labels of all artifacts. Methods block; a gateway learns of each change."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def move(
        self,
        actor: Principal,
        ref: Ref,
        label: str,
        *,
        version: str,
        reason: str = "",
        expected: int | None = None,
    ) -> Label:
        """Put a label at a version; nothing happens when it stands there already.

        Args:
            actor: Who does it.
            ref: Which artifact.
            label: Which label; a new name makes a new one.
            version: Number, `sha256:…`, other label, `latest` or `branch:…`.
            reason: Why, for the history.
            expected: Number of the version that it must stand at now; 0: nowhere. None does not ask.

        Raises:
            InvalidInput: `latest`, or what cannot be a label.
            NotFound: `artifact_not_found` or `version_not_found`.
            PermissionDenied: the label is protected (`label_protected`), or the actor may not write.
            PreconditionFailed: `label_moved`: it stands elsewhere than expected.
            Conflict: the artifact is archived.
        """
        check_label(label)
        check_text(reason, field="reason", most=MAX_REASON)
        self._context.kinds.get(ref.kind)
        with self._context.change() as connection:
            artifact = self._movable(connection, actor, ref, label)
            target = find_version(connection, artifact, version).number
            known = store.find(connection, artifact.id, label)
            before = None if known is None else known.number
            if expected is not None and expected != (before or 0):
                stands = "nowhere" if before is None else f"at version {before}"
                raise PreconditionFailed(
                    f"The label {label} was expected at version {expected}, and stands {stands}.",
                    hint="Look who moved it, and why.",
                    code="label_moved",
                )
            if before != target:
                self._moved(connection, actor, artifact, label, "move", before=before, after=target, reason=reason)
            return self._label(connection, artifact, label)

    def rollback(self, actor: Principal, ref: Ref, label: str, *, reason: str = "") -> Label:
        """Put a label back where it stood before its last move. Doing it again goes one step further back.

        Raises:
            NotFound: `artifact_not_found` or `label_not_found`: it never stood anywhere.
            Conflict: `nothing_before`: it stood nowhere else before; or the artifact is archived.
            PermissionDenied: as `move`.
        """
        check_label(label)
        check_text(reason, field="reason", most=MAX_REASON)
        self._context.kinds.get(ref.kind)
        with self._context.change() as connection:
            artifact = self._movable(connection, actor, ref, label)
            way = _way(store.moves_of(connection, artifact.id, label))
            if not way:
                _no_label(artifact, label)
            target = way[-2] if len(way) > 1 else None
            if target is None:
                raise Conflict(
                    f"The label {label} of the {ref.kind} {artifact.name} stood nowhere before.",
                    hint="Move it to a version, or remove it.",
                    code="nothing_before",
                )
            self._moved(connection, actor, artifact, label, "rollback", before=way[-1], after=target, reason=reason)
            return self._label(connection, artifact, label)

    def remove(self, actor: Principal, ref: Ref, label: str, *, reason: str = "") -> None:
        """Take a label away; its history stays. Raises `NotFound` (`label_not_found`), and as `move`."""
        check_label(label)
        check_text(reason, field="reason", most=MAX_REASON)
        self._context.kinds.get(ref.kind)
        with self._context.change() as connection:
            artifact = self._movable(connection, actor, ref, label)
            known = store.find(connection, artifact.id, label)
            if known is None:
                _no_label(artifact, label)
            self._moved(connection, actor, artifact, label, "remove", before=known.number, after=None, reason=reason)

    def history(
        self,
        ref: Ref,
        label: str | None = None,
        *,
        before: str | None = None,
        limit: int = 50,
    ) -> list[LabelMove]:
        """Who moved it from where to where, when and why, newest first; of all labels when none is named.

        Raises:
            NotFound: `artifact_not_found`.
        """
        check_limit(limit)
        self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            rows = store.moves_of(connection, artifact.id, label, before=before, limit=limit)
        return [
            LabelMove(
                id=row.id,
                label=row.label,
                action=row.action,
                before=row.before,
                after=row.after,
                at=row.at,
                actor_kind=row.actor_kind,
                actor=row.actor_name,
                reason=row.reason,
            )
            for row in rows
        ]

    def protection(self, project: str, kind: str) -> Protection:
        """Which labels of a kind are protected."""
        self._context.kinds.get(kind)
        with self._context.metadata.read() as connection:
            return Protection(kind=kind, labels=sorted(protected_labels(connection, project, kind)))

    def protect(self, actor: Principal, project: str, kind: str, labels: list[str]) -> Protection:
        """Say which labels of a kind are protected.

        Raises:
            PermissionDenied: the actor may not promote every label.
            InvalidInput: one of them cannot be a label.
        """
        self._context.kinds.get(kind)
        needed = f"{kind}s:promote"
        if not actor.may(needed, project):
            raise PermissionDenied(f"This needs the permission {needed}.", hint="Ask an admin.")
        wanted = sorted({check_label(label, field="labels") for label in labels[: MAX_PROTECTED + 1]})
        if len(wanted) > MAX_PROTECTED:
            raise Conflict(f"At most {MAX_PROTECTED} labels are protected.", code="too_many_labels")
        with self._context.metadata.write() as connection:
            now = self._context.clock.now()
            store.put_protected(connection, project, kind, labels=wanted, updated=now, updated_by=actor.name)
            self._context.audit(
                connection, actor, action="labels.protected", on=project, project=project, kind=kind, labels=wanted
            )
            self._context.tell(
                connection, "labels.protected", project=project, kind=kind,
                data={"kind": kind, "labels": wanted, "by": actor.name},
            )  # fmt: skip
        return Protection(kind=kind, labels=wanted)

    def _movable(self, connection: Connection, actor: Principal, ref: Ref, label: str) -> ArtifactRecord:
        artifact = find_artifact(connection, ref, lock=True, active=True)
        check_may_move(connection, actor, project=ref.project, kind=ref.kind, label=label)
        return artifact

    def _moved(
        self,
        connection: Connection,
        actor: Principal,
        artifact: ArtifactRecord,
        label: str,
        action: MoveAction,
        *,
        before: int | None,
        after: int | None,
        reason: str,
    ) -> None:
        now = self._context.clock.now()
        if after is None:
            store.remove(connection, artifact.id, label)
        else:
            store.put(
                connection,
                LabelRecord(artifact=artifact.id, name=label, number=after, moved=now, moved_by=actor.name),
            )
        store.add_move(
            connection,
            MoveRecord(
                id=self._context.ids.uuid7(),
                artifact=artifact.id,
                label=label,
                action=action,
                before=before,
                after=after,
                at=now,
                actor_kind=actor.kind,
                actor=actor.id or None,
                actor_name=actor.name,
                reason=reason,
            ),
        )
        type_ = "label.removed" if after is None else "label.moved"
        self._context.note(
            connection, actor, type_, artifact, label=label, how=action, before=before, version=after, reason=reason
        )

    @staticmethod
    def _label(connection: Connection, artifact: ArtifactRecord, name: str) -> Label:
        row = store.find(connection, artifact.id, name)
        if row is None:
            _no_label(artifact, name)
        safe = protected_labels(connection, artifact.project, artifact.kind)
        return Label(name=name, version=row.number, moved=row.moved, moved_by=row.moved_by, protected=name in safe)


def _way(moves: list[MoveRecord]) -> list[int | None]:
    """Where a label stood, one after the other, without what was rolled back; the last one is where it stands."""
    way: list[int | None] = []
    for move in reversed(moves):
        if move.action == "rollback":
            way.pop()
        else:
            way.append(move.after)
    return way


def _no_label(artifact: ArtifactRecord, label: str) -> NoReturn:
    raise NotFound(
        f"The {artifact.kind} {artifact.name} has no label {label}.",
        hint="Its labels are shown with it.",
        code="label_not_found",
    )
