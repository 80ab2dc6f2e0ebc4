"""Deletions on request, and what a project keeps for how long."""

import re
from typing import Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound
from penstock.core.ids import Ids
from penstock.store.metadata import Metadata
from penstock.store.spans.deletion import Selection
from penstock.tracing.actor import Actor, note
from penstock.tracing.query.names import QueryReader, UserHash
from penstock.tracing.retention import store
from penstock.tracing.retention.selection import written
from penstock.tracing.retention.store import DeletionRow, RetentionRow
from penstock.tracing.retention.types import (
    Deletion,
    DeletionRequest,
    DeletionsPage,
    RetentionPolicy,
    RetentionState,
)

__all__ = ["RetentionService"]

MAX_TRACES: Final = 1000
MAX_LIMIT: Final = 200
_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}\Z")
_HASH = re.compile(r"[0-9a-f]{32}\Z")
_ID = re.compile(r"[0-9a-f-]{36}\Z")


class RetentionService:
    """What people ask for. The work is done by `jobs.DeletionJob`. Methods block.

    Args:
        metadata: The open store.
        reader: Reads searches.
        clock: Where time comes from.
        ids: Where ids come from.
        user_hash: Hashes an end user's id as the records of calls have it; None: only hashes are understood.
    """

    def __init__(
        self,
        metadata: Metadata,
        *,
        reader: QueryReader,
        clock: Clock,
        ids: Ids,
        user_hash: UserHash | None = None,
    ) -> None:
        self._metadata = metadata
        self._reader = reader
        self._clock = clock
        self._ids = ids
        self._user_hash = user_hash

    def delete(self, actor: Actor, project: str, request: DeletionRequest) -> Deletion:
        """Have something deleted. It is done when its state says so.

        Raises:
            InvalidInput: the request names nothing, or something that cannot be.
        """
        selection = self._selection(project, request)
        now = self._clock.now()
        row = DeletionRow(
            id=self._ids.uuid7(),
            project=project,
            what=msgspec.to_builtins(request),
            selection=written(selection),
            state="waiting",
            requested=now,
            requested_by=actor.name,
        )
        with self._metadata.write() as connection:
            store.add(connection, row)
            note(
                connection,
                actor,
                id_=self._ids.uuid7(),
                at=now,
                action="deletion.create",
                target=row.id,
                project=project,
                details={"what": row.what},
            )
        return shown(row)

    def get(self, project: str, id_: str) -> Deletion:
        """One deletion. Raises `NotFound`."""
        with self._metadata.read() as connection:
            row = store.find(connection, project=project, id_=id_)
        if row is None:
            raise NotFound(f"There is no deletion {id_[:64]!r} in this project.", code="deletion_not_found")
        return shown(row)

    def listed(self, project: str, *, cursor: str | None = None, limit: int = 50) -> DeletionsPage:
        """A page of deletions, newest first. Raises `InvalidInput` for a wrong cursor or limit."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidInput(f"limit lies between 1 and {MAX_LIMIT}, got {limit}.", field="limit")
        if cursor is not None and not _ID.match(cursor):
            raise InvalidInput(
                f"The cursor {cursor[:64]!r} was not given out by this list.", field="cursor", code="invalid_cursor"
            )
        with self._metadata.read() as connection:
            rows = store.newest(connection, project=project, after=cursor, limit=limit + 1)
        more = rows[limit - 1].id if len(rows) > limit else None
        return DeletionsPage(items=[shown(row) for row in rows[:limit]], next_cursor=more)

    def policy(self, project: str) -> RetentionState:
        """What holds in a project."""
        with self._metadata.read() as connection:
            row = store.policy_of(connection, project)
        if row is None:
            return RetentionState(policy=RetentionPolicy(), updated=None, updated_by=None)
        policy = msgspec.convert(row.body, RetentionPolicy)
        return RetentionState(policy=policy, updated=row.updated, updated_by=row.updated_by)

    def set_policy(self, actor: Actor, project: str, policy: RetentionPolicy) -> RetentionState:
        """Put another policy in its place. What is older than it allows is deleted within the hour."""
        now = self._clock.now()
        body = msgspec.to_builtins(policy)
        row = RetentionRow(project=project, body=body, updated=now, updated_by=actor.name)
        with self._metadata.write() as connection:
            before = store.policy_of(connection, project)
            store.set_policy(connection, row)
            note(
                connection,
                actor,
                id_=self._ids.uuid7(),
                at=now,
                action="retention.update",
                target=project,
                project=project,
                details={"before": None if before is None else before.body, "after": body},
            )
        return RetentionState(policy=policy, updated=now, updated_by=actor.name)

    def _selection(self, project: str, request: DeletionRequest) -> Selection:
        if len(request.traces) > MAX_TRACES:
            raise InvalidInput(f"At most {MAX_TRACES} traces go at once, got {len(request.traces)}.", field="traces")
        for trace in request.traces:
            if not _TRACE_ID.match(trace):
                raise InvalidInput(f"A trace id has 32 hex digits, got {trace[:64]!r}.", field="traces")
        for name in ("session", "user", "key", "q"):
            if getattr(request, name) == "":
                raise InvalidInput(f"{name} is empty; leave it out, or say which.", field=name)
        now = self._clock.now()
        if request.before is not None and not 0 < request.before <= now:
            raise InvalidInput(f"before lies in the past: at most {now}, got {request.before}.", field="before")
        where = None if request.q is None else self._reader.read(project, request.q)
        if request.q is not None and where is None:
            raise InvalidInput(f"The search {request.q[:64]!r} holds for everything.", field="q")
        selection = Selection(
            project=project,
            traces=tuple(trace.lower() for trace in request.traces),
            session=request.session,
            users=self._users(request.user),
            key=request.key,
            where=where,
            before=request.before,
        )
        if not selection.whole and selection.before is None:
            raise InvalidInput(
                "Nothing says what is to be deleted.",
                hint="Give traces, session, user, key, q or before.",
                code="nothing_selected",
            )
        return selection

    def _users(self, user: str | None) -> tuple[str, ...]:
        """What may stand for the user in the records: an id that looks like a hash may be either."""
        if user is None:
            return ()
        given = [user] if _HASH.match(user) or self._user_hash is None else []
        return (*given, *([] if self._user_hash is None else [self._user_hash(user)]))


def shown(row: DeletionRow) -> Deletion:
    """The deletion as people see it."""
    return Deletion(
        id=row.id,
        project=row.project,
        what=None if row.what is None else msgspec.convert(row.what, DeletionRequest),
        state=row.state,
        requested=row.requested,
        requested_by=row.requested_by,
        started=row.started,
        finished=row.finished,
        total=row.total,
        spans=row.spans,
        scores=row.scores,
        lines=row.lines,
        verified=None if row.remaining is None else row.remaining == 0,
        error=row.error,
    )
