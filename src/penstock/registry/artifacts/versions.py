"""Versions and branches: saving, reading, comparing, merging."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal, NoReturn

import msgspec
from sqlalchemy import Connection

from penstock.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, TooLarge
from penstock.identity.types import Principal
from penstock.registry.artifacts.catalog import Catalog, searched_text
from penstock.registry.artifacts.context import Context, check_limit, find_artifact
from penstock.registry.artifacts.files import content_digest
from penstock.registry.artifacts.kinds import ServedKind, UsingKind
from penstock.registry.artifacts.lineage import Lineage
from penstock.registry.artifacts.names import check_branch, check_text
from penstock.registry.artifacts.resolve import find_version
from penstock.registry.artifacts.store import artifacts, labels, texts
from penstock.registry.artifacts.store import versions as store
from penstock.registry.artifacts.store.artifacts import ArtifactRecord
from penstock.registry.artifacts.store.versions import BranchRecord, VersionRecord
from penstock.registry.artifacts.types import (
    LATEST,
    MAIN,
    Branch,
    Comparison,
    Draft,
    Merge,
    NewArtifact,
    Ref,
    Saved,
    Version,
    VersionRow,
)

__all__ = ["MAX_BODY", "Versions"]

MAX_BODY: Final = 10 * 1024 * 1024
"""Bytes of a body's JSON."""
MAX_MESSAGE: Final = 1000


@dataclass(frozen=True, kw_only=True)
class _Content:
    """A checked body, ready to be stored."""

    digest: str
    data: bytes
    body: Any
    text: str


class Versions:
    """Versions of all artifacts. Methods block.

    Args:
        context: Shared dependencies.
        catalog: Makes the artifact that a first save names.
        lineage: Is told what a version uses.
    """

    def __init__(self, context: Context, *, catalog: Catalog, lineage: Lineage) -> None:
        self._context = context
        self._catalog = catalog
        self._lineage = lineage

    # --- reading ------------------------------------------------------------------------------

    def get(self, ref: Ref, version: str = LATEST) -> Version:
        """One version: by number, `sha256:…`, label, `latest` or `branch:…`.

        Raises:
            NotFound: `artifact_not_found` or `version_not_found`.
        """
        self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            return _version(connection, artifact, find_version(connection, artifact, version))

    def listed(
        self,
        ref: Ref,
        *,
        branch: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[VersionRow]:
        """Newest first, without bodies. Raises `NotFound`, `InvalidInput`."""
        check_limit(limit)
        self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            rows = store.versions_of(connection, artifact.id, branch=branch, before=before, limit=limit)
            standing = _standing(connection, artifact)
        return [_row(row, standing) for row in rows]

    def diff(self, ref: Ref, *, before: str | None = None, after: str = LATEST) -> Comparison:
        """What differs between two versions, in the form of the kind; without `before`, from what `after` was made of.

        Raises:
            NotFound: `artifact_not_found` or `version_not_found`.
        """
        known = self._context.kinds.get(ref.kind)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            new = find_version(connection, artifact, after)
            old = find_version(connection, artifact, str(new.parent or new.number) if before is None else before)
            bodies = store.bodies(connection, {old.digest, new.digest})
            standing = _standing(connection, artifact)
        same = old.digest == new.digest
        return Comparison(
            kind=artifact.kind,
            name=artifact.name,
            before=_row(old, standing),
            after=_row(new, standing),
            differences=[] if same else known.diff(bodies[old.digest], bodies[new.digest]),
        )

    def propose(self, ref: Ref, body: Any, *, version: str = LATEST) -> Comparison:
        """What saving a body would change from a version. Stores nothing. Raises `NotFound`, `InvalidInput`."""
        known = self._context.kinds.get(ref.kind)
        content = self._content(ref.kind, body)
        with self._context.metadata.read() as connection:
            artifact = find_artifact(connection, ref)
            old = find_version(connection, artifact, version)
            was = store.bodies(connection, {old.digest})[old.digest]
            row = _row(old, _standing(connection, artifact))
        proposed = msgspec.structs.replace(row, digest=content.digest, number=artifact.last + 1, labels=[])
        same = old.digest == content.digest
        return Comparison(
            kind=artifact.kind,
            name=artifact.name,
            before=row,
            after=row if same else proposed,
            differences=[] if same else known.diff(was, content.body),
        )

    def branches(self, ref: Ref) -> list[Branch]:
        """By name. Raises `NotFound`."""
        return self._catalog.get(ref).branches

    # --- writing ------------------------------------------------------------------------------

    def save(self, actor: Principal, ref: Ref, draft: Draft, *, create: bool = False) -> Saved:
        """Save a body as the next version of a branch. What the branch's head already is stays that version.

        Args:
            actor: Who does it.
            ref: Which artifact.
            draft: The body, where it goes and on what condition.
            create: Make the artifact when there is none of this name.

        Raises:
            InvalidInput: the body does not fit; `field` says where.
            NotFound: there is no such artifact, branch, or version that it uses.
            PreconditionFailed: the branch's head is not the one expected (`head_moved`).
            Conflict: the artifact is archived.
            TooLarge: the body is over 10 MiB.
        """
        check_branch(draft.branch)
        check_text(draft.message, field="message", most=MAX_MESSAGE)
        content = self._content(ref.kind, draft.body)
        with self._writing(ref.kind) as connection:
            artifact = self._artifact(connection, actor, ref, create=create)
            branch = store.branch(connection, artifact.id, draft.branch)
            if branch is None and draft.branch != MAIN:
                _no_branch(artifact, draft.branch)
            head = None if branch is None else store.by_number(connection, artifact.id, branch.head)
            _check_expected(artifact, head, draft.expected, branch=draft.branch)
            outcome: Literal["created", "unchanged"] = "unchanged"
            if head is None or head.digest != content.digest:
                outcome = "created"
                artifact, head = self._insert(
                    connection, actor, artifact, content, branch=draft.branch, parent=head, message=draft.message
                )
            known = self._context.kinds.get(ref.kind)
            named = known.uses(content.body) if isinstance(known, UsingKind) else []
            self._lineage.record(connection, actor, artifact, head.number, [*draft.uses, *named])
            return _saved(_version(connection, artifact, head, body=content.body), outcome)

    def merge(self, actor: Principal, ref: Ref, branch: str, merge: Merge) -> Saved:
        """Save a branch's head, or what it was resolved to, on `main`, with both heads as parents.

        Raises:
            NotFound: `artifact_not_found` or `branch_not_found`.
            PreconditionFailed: `head_moved`: `expected` is given and is not main's head, or it is not and main went
                on since the branch was made and no body resolves that.
            InvalidInput: main is merged into itself, or the body does not fit.
        """
        check_text(merge.message, field="message", most=MAX_MESSAGE)
        if branch == MAIN:
            raise InvalidInput(f"Expected another branch than {MAIN}, which others are merged into.", field="branch")
        resolved = None if merge.body is None else self._content(ref.kind, merge.body)
        with self._writing(ref.kind) as connection:
            artifact = self._artifact(connection, actor, ref, create=False)
            found = store.branch(connection, artifact.id, branch)
            if found is None:
                _no_branch(artifact, branch)
            theirs = _stored(connection, artifact, found.head)
            ours = None if artifact.head is None else _stored(connection, artifact, artifact.head)
            _check_expected(artifact, ours, merge.expected, branch=MAIN)
            if resolved is None and merge.expected is None and ours is not None:
                _check_contains(connection, artifact, theirs, ours)
            content = resolved or self._content(ref.kind, store.bodies(connection, {theirs.digest})[theirs.digest])
            if ours is not None and ours.digest == content.digest:
                return _saved(_version(connection, artifact, ours, body=content.body), "unchanged")
            artifact, head = self._insert(
                connection,
                actor,
                artifact,
                content,
                branch=MAIN,
                parent=ours,
                message=merge.message or f"Merge {branch}",
                merged=theirs.number,
            )
            return _saved(_version(connection, artifact, head, body=content.body), "created")

    def branch(self, actor: Principal, ref: Ref, *, name: str, version: str) -> Branch:
        """Make a branch whose head is a version.

        Raises:
            NotFound: `artifact_not_found` or `version_not_found`.
            Conflict: `branch_exists`, or the artifact is archived.
        """
        check_branch(name, field="name")
        with self._context.metadata.write() as connection:
            artifact = self._artifact(connection, actor, ref, create=False)
            if store.branch(connection, artifact.id, name) is not None:
                raise Conflict(
                    f"The {artifact.kind} {artifact.name} has a branch {name} already.", code="branch_exists"
                )
            head = find_version(connection, artifact, version)
            row = BranchRecord(
                artifact=artifact.id,
                name=name,
                head=head.number,
                created=self._context.clock.now(),
                created_by=actor.name,
            )
            store.put_branch(connection, row)
            self._context.note(connection, actor, "branch.created", artifact, branch=name, version=head.number)
        return Branch(name=name, head=head.number, digest=head.digest, created=row.created, created_by=row.created_by)

    # --- parts --------------------------------------------------------------------------------

    def _writing(self, kind: str) -> AbstractContextManager[Connection]:
        """The transaction of a new version; of a kind that gateways serve they are told."""
        is_served = isinstance(self._context.kinds.get(kind), ServedKind)
        return self._context.change() if is_served else self._context.metadata.write()

    def _content(self, kind: str, body: Any) -> _Content:
        known = self._context.kinds.get(kind)
        checked = known.check(body)
        data = msgspec.json.encode(checked)
        if len(data) > MAX_BODY:
            raise TooLarge(f"A body has at most {MAX_BODY // 1024**2} MiB of JSON; this one has {len(data)} bytes.")
        return _Content(digest=content_digest(kind, checked), data=data, body=checked, text=known.text(checked))

    def _artifact(self, connection: Connection, actor: Principal, ref: Ref, *, create: bool) -> ArtifactRecord:
        self._context.kinds.get(ref.kind)
        try:
            return find_artifact(connection, ref, lock=True, active=True)
        except NotFound:
            if not create:
                raise
            return self._catalog.insert(
                connection, actor, ref.project, ref.kind, NewArtifact(name=ref.name.replace(":", "/"))
            )

    def _insert(
        self,
        connection: Connection,
        actor: Principal,
        artifact: ArtifactRecord,
        content: _Content,
        *,
        branch: str,
        parent: VersionRecord | None,
        message: str,
        merged: int | None = None,
    ) -> tuple[ArtifactRecord, VersionRecord]:
        now = self._context.clock.now()
        store.put_blob(connection, content.digest, content.data)
        row = VersionRecord(
            artifact=artifact.id,
            number=artifact.last + 1,
            digest=content.digest,
            branch=branch,
            parent=None if parent is None else parent.number,
            merged=merged,
            message=message,
            created=now,
            created_by=actor.name,
        )
        store.insert(connection, row)
        store.put_branch(
            connection,
            BranchRecord(artifact=artifact.id, name=branch, head=row.number, created=now, created_by=actor.name),
        )
        head = row.number if branch == MAIN else artifact.head
        artifact = msgspec.structs.replace(artifact, last=row.number, head=head, updated=now, updated_by=actor.name)
        artifacts.write(connection, artifact)
        if branch == MAIN:
            texts.put_text(connection, artifact.id, searched_text(artifact, content.text))
        self._context.note(
            connection, actor, "version.created", artifact, version=row.number, digest=row.digest, branch=branch,
            message=message,
        )  # fmt: skip
        return artifact, row


def _stored(connection: Connection, artifact: ArtifactRecord, number: int) -> VersionRecord:
    return find_version(connection, artifact, str(number))


def _check_expected(artifact: ArtifactRecord, head: VersionRecord | None, expected: str | None, *, branch: str) -> None:
    if expected is None:
        return
    wanted = expected.removeprefix("sha256:")
    if wanted == ("" if head is None else head.digest):
        return
    stands = "has no version" if head is None else f"is at version {head.number} by {head.created_by}"
    raise PreconditionFailed(
        f"The branch {branch} of the {artifact.kind} {artifact.name} {stands}, which is not what was expected.",
        hint="Look at what changed, and save on top of that.",
        code="head_moved",
    )


def _check_contains(
    connection: Connection, artifact: ArtifactRecord, theirs: VersionRecord, ours: VersionRecord
) -> None:
    """Raise unless the branch was made from the head of main, or has merged it since."""
    one: VersionRecord | None = theirs
    while one is not None and one.number > ours.number and one.parent is not None:
        one = store.by_number(connection, artifact.id, one.parent)
    if one is None or one.number != ours.number:
        raise PreconditionFailed(
            f"Version {ours.number} of main came after the branch {theirs.branch} was made, and is not in it.",
            hint="Compare both, and merge with the body that they are resolved to, or name main's digest as expected.",
            code="head_moved",
        )


def _no_branch(artifact: ArtifactRecord, branch: str) -> NoReturn:
    raise NotFound(
        f"The {artifact.kind} {artifact.name} has no branch {branch}.",
        hint="Make it from a version first.",
        code="branch_not_found",
    )


def _standing(connection: Connection, artifact: ArtifactRecord) -> dict[int, list[str]]:
    """Labels by the version that they stand at."""
    found: dict[int, list[str]] = {}
    if artifact.head is not None:
        found[artifact.head] = [LATEST]
    for label in labels.of_artifacts(connection, [artifact.id]).get(artifact.id, []):
        found.setdefault(label.number, []).append(label.name)
    return found


def _row(row: VersionRecord, standing: dict[int, list[str]]) -> VersionRow:
    return VersionRow(
        number=row.number,
        digest=row.digest,
        branch=row.branch,
        parent=row.parent,
        merged=row.merged,
        message=row.message,
        created=row.created,
        created_by=row.created_by,
        labels=standing.get(row.number, []),
    )


def _version(
    connection: Connection, artifact: ArtifactRecord, row: VersionRecord, *, body: Any = msgspec.UNSET
) -> Version:
    if body is msgspec.UNSET:
        body = store.bodies(connection, [row.digest])[row.digest]
    plain = _row(row, _standing(connection, artifact))
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return Version(**fields, kind=artifact.kind, name=artifact.name, artifact=artifact.id, body=body)


def _saved(version: Version, outcome: Literal["created", "unchanged"]) -> Saved:
    names: Sequence[str] = version.__struct_fields__
    return Saved(**{name: getattr(version, name) for name in names}, outcome=outcome)
