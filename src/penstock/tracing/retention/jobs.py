"""What deletes: requests one after the other, and once an hour what is older than it may be."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.store.metadata import Metadata
from penstock.store.spans.deletion import Selection
from penstock.tracing.ports import DeletionStore
from penstock.tracing.retention import store
from penstock.tracing.retention.quarantine import clear_quarantine, waiting
from penstock.tracing.retention.selection import read_selection, written
from penstock.tracing.retention.store import DeletionRow
from penstock.tracing.retention.types import RetentionPolicy
from penstock.wire.span import Kind

__all__ = ["DeletionJob", "RetentionJob", "selections"]

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
BACKOFF_SECONDS: Final = 30.0
RETENTION_SECONDS: Final = 3600.0
ROUNDS: Final = 3
"""Times that a deletion begins anew because its count found something that has come meanwhile."""
DAY: Final = 86_400_000_000
RETENTION: Final = "retention"
"""Who asked for what a policy deletes."""


class DeletionJob:
    """Does what was asked for. May be killed at any moment: the next start goes on.

    Args:
        spans: What is deleted from.
        metadata: Where requests and progress are.
        home: Folders of what is on its way.
        clock: Where time comes from.
        pause: Waits between two looks, seconds.
    """

    def __init__(
        self,
        spans: DeletionStore,
        metadata: Metadata,
        *,
        home: Home,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spans = spans
        self._metadata = metadata
        self._folders = [home.journal, home.intake, home.scores]
        self._quarantine = home.quarantine
        self._clock = clock
        self._pause = pause
        self._failures = 0

    async def run(self) -> None:
        """Delete until cancelled. What cannot be deleted now is tried again."""
        while True:
            if not await self.step():
                await self._pause(min(BACKOFF_SECONDS, POLL_SECONDS * 2 ** min(self._failures, 5)))

    async def step(self) -> bool:
        """One batch of one deletion; True when there was something to do."""
        try:
            done = await asyncio.to_thread(self._step)
        except (PenstockError, OSError) as error:
            # The store of requests itself is down, so that it cannot be told there.
            self._failed(str(error))
            return False
        if done:
            self._failures = 0
        return done

    def _step(self) -> bool:
        with self._metadata.read() as connection:
            rows = store.unfinished(connection)
        for row in rows:
            try:
                if self._advance(row):
                    return True
            except (PenstockError, OSError) as error:
                self._failed(str(error))
                self._change(row, error=str(error))
        return False

    def _advance(self, row: DeletionRow) -> bool:
        """Take a deletion one step further; False when it has to wait."""
        selection = read_selection(row.selection)
        if row.state == "waiting":
            if waiting(self._folders, row.requested):
                return False
            total = self._spans.remaining(selection).spans
            self._change(row, state="running", started=self._clock.now(), total=total, error=None)
            return True
        deleted = self._spans.delete_batch(selection, job=row.id)
        if deleted.more:
            self._change(row, spans=deleted.spans, scores=deleted.scores, error=None)
            return True
        self._finish(row, selection)
        return True

    def _finish(self, row: DeletionRow, selection: Selection) -> None:
        lines = row.lines + clear_quarantine(self._quarantine, selection)
        left = self._spans.remaining(selection)
        for _ in range(ROUNDS):
            if left.nothing:
                break
            while self._spans.delete_batch(selection, job=row.id).more:
                continue
            left = self._spans.remaining(selection)
        deleted = self._spans.delete_batch(selection, job=row.id)
        self._give_back()
        self._change(
            row,
            state="done",
            finished=self._clock.now(),
            spans=deleted.spans,
            scores=deleted.scores,
            lines=lines,
            remaining=left.spans + left.scores,
            error=None,
        )
        self._spans.forget_deletion(row.id)

    def _give_back(self) -> None:
        """Nothing depends on it: what is empty is used again, or given back later."""
        try:
            self._spans.compact()
        except Unavailable as error:
            logger.info("the disk space of what was deleted is given back later: %s", error)

    def _change(self, row: DeletionRow, **values: object) -> None:
        with self._metadata.write() as connection:
            store.change(connection, row.id, **values)

    def _failed(self, reason: str) -> None:
        if not self._failures:
            logger.error("a deletion makes no progress now: %s", reason)
        self._failures += 1


class RetentionJob:
    """Has deleted, once an hour, what is older than the policy of its project allows.

    Args:
        spans: What there is.
        metadata: Where policies and requests are.
        clock: Where time comes from.
        ids: Where ids come from.
        pause: Waits between two looks, seconds.
    """

    def __init__(
        self,
        spans: DeletionStore,
        metadata: Metadata,
        *,
        clock: Clock,
        ids: Ids,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spans = spans
        self._metadata = metadata
        self._clock = clock
        self._ids = ids
        self._pause = pause

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await asyncio.to_thread(self.look)
            except PenstockError as error:
                logger.warning("retention waits for the next hour: %s", error)
            await self._pause(RETENTION_SECONDS)

    def look(self) -> int:
        """Ask for the deletion of what is too old; returns how many deletions that are.

        Raises:
            Unavailable: a store is down.
        """
        with self._metadata.read() as connection:
            rows = store.policies(connection)
            busy = {row.project for row in store.unfinished(connection) if row.requested_by == RETENTION}
        now = self._clock.now()
        asked = 0
        for row in rows:
            if row.project in busy:
                continue
            for selection in selections(row.project, msgspec.convert(row.body, RetentionPolicy), now):
                if self._spans.remaining(selection).nothing:
                    continue
                self._ask(selection, now)
                asked += 1
        return asked

    def _ask(self, selection: Selection, now: int) -> None:
        row = DeletionRow(
            id=self._ids.uuid7(),
            project=selection.project,
            what=None,
            selection=written(selection),
            state="waiting",
            requested=now,
            requested_by=RETENTION,
        )
        with self._metadata.write() as connection:
            store.add(connection, row)


def selections(project: str, policy: RetentionPolicy, now: int) -> list[Selection]:
    """What a policy does not allow to be kept at this time."""
    named: tuple[Kind, ...] = tuple(sorted(policy.kinds))
    found = [
        Selection(project=project, kinds=(kind,), before=now - days * DAY, scores=False)
        for kind, days in sorted(policy.kinds.items())
        if days is not None
    ]
    if policy.default is not None:
        before = now - policy.default * DAY
        found.append(Selection(project=project, other_kinds=named, before=before, scores=False))
    if policy.scores is not None:
        found.append(Selection(project=project, before=now - policy.scores * DAY, spans=False))
    return found
