"""Answers in Redis or Valkey, shared by all workers."""

import asyncio
import logging
from collections import OrderedDict
from typing import Final, NamedTuple

from penstock.core.clock import Clock
from penstock.core.errors import Unavailable
from penstock.store.answers.envelope import pack, unpack
from penstock.store.answers.scripts import CLEAR, GET, PUT
from penstock.store.counters.link import Link, Lost
from penstock.wire.answers import CachedAnswer
from penstock.wire.limits import RedisSettings

__all__ = ["RedisAnswers"]

logger = logging.getLogger(__name__)

AWAY: Final = 1.0
"""Seconds in which Redis is not asked again after it has failed: its time limit is not paid on every call."""
WAITING_BYTES: Final = 8 * 1024 * 1024
"""Bytes of answers that wait to be written; beyond, the oldest are not."""
THREAD_FROM: Final = 64 * 1024
"""Bytes from which an answer is compressed in a thread, beside the event loop."""
CLOSE_SECONDS: Final = 2.0


class _Waiting(NamedTuple):
    answer: CachedAnswer
    ttl: float
    stored: int
    """When it was put, microseconds since the epoch."""


class RedisAnswers:
    """A lost Redis makes misses, never errors: nothing here holds up or fails a call.

    Answers are bounded by their time and by a budget in bytes: with each put the least recently used go until the
    rest fits. "Used" is when a worker last put or took the answer, by that worker's clock in milliseconds, so the
    order is approximate between machines.

    Args:
        settings: Address, time limit of a round trip, prefix of the keys.
        budget: Bytes of all answers together, as they are kept (compressed), at most. The same for all workers.
        clock: Of this worker.
        tasks: Writing goes on in it.

    Raises:
        MissingExtra: the package `redis` is not installed.
        InvalidInput: `settings.url` is not an address of Redis.
    """

    def __init__(self, settings: RedisSettings, *, budget: int, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self._link = Link(settings.url, prefix=settings.prefix)
        self._timeout = settings.timeout
        self._budget = budget
        self._clock = clock
        self._tasks = tasks
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None
        self._away_until: float | None = None
        """On the monotonic clock; None while Redis answers."""
        self._entries = 0
        self._bytes = 0

    @property
    def distant(self) -> bool:
        return True

    async def get(self, key: str) -> CachedAnswer | None:
        """The answer, which is now the most recently used; None also while Redis cannot be reached."""
        if self._is_away():
            return None
        now = self._clock.now()
        try:
            value = await self._link.fetch(GET, key, now // 1000, timeout=self._timeout)
        except Lost as lost:
            self._lost(lost)
            return None
        self._found()
        return unpack(value, now=now) if value else None

    def put(self, key: str, answer: CachedAnswer, *, ttl: float) -> None:
        """Keep it soon. It is given up when too many wait already, or Redis cannot be reached."""
        if ttl <= 0 or answer.size > min(WAITING_BYTES, self._budget):
            return
        earlier = self._waiting.pop(key, None)
        if earlier is not None:
            self._waiting_bytes -= earlier.answer.size
        self._waiting[key] = _Waiting(answer, ttl, self._clock.now())
        self._waiting_bytes += answer.size
        while self._waiting_bytes > WAITING_BYTES:
            self._take()
        if self._writer is None:
            self._writer = self._tasks.create_task(self._write())

    async def clear(self, project: str | None = None) -> int:
        """Forget the answers of one project, or all, in small steps.

        Raises:
            Unavailable: Redis cannot be reached; what was not forgotten yet is still there.
        """
        start = "" if project is None else f"{project}/"
        for key in [key for key in self._waiting if key.startswith(start)]:
            self._waiting_bytes -= self._waiting.pop(key).answer.size
        gone, cursor = 0, "0"
        try:
            while True:
                cursor, dropped = await self._link.run(CLEAR, cursor, start, timeout=self._timeout)
                gone += dropped
                if cursor == "0":
                    return gone
        except Lost as lost:
            raise Unavailable(
                f"Redis cannot be reached, so cached answers could not be forgotten: {lost}.", code="redis_lost"
            ) from lost

    @property
    def entries(self) -> int:
        """As Redis said after this worker's last put; of all workers."""
        return self._entries

    @property
    def bytes(self) -> int:
        """As `entries`."""
        return self._bytes

    async def close(self) -> None:
        """Write what waits, within two seconds."""
        writer = self._writer
        if writer is not None:
            done, _ = await asyncio.wait((writer,), timeout=CLOSE_SECONDS)
            if not done:
                writer.cancel()
                await asyncio.wait((writer,))
        self._waiting.clear()
        await self._link.close()

    async def _write(self) -> None:
        try:
            while self._waiting:
                key, waiting = self._take()
                if not self._is_away():
                    await self._store(key, waiting)
        finally:
            self._writer = None

    async def _store(self, key: str, waiting: _Waiting) -> None:
        answer, ttl, stored = waiting
        expires = stored + round(ttl * 1_000_000)
        if answer.size >= THREAD_FROM:
            value = await asyncio.to_thread(pack, answer, expires=expires)
        else:
            value = pack(answer, expires=expires)
        now = stored // 1000
        try:
            self._entries, self._bytes = await self._link.run(
                PUT, key, round(ttl * 1000), now, self._budget, timeout=self._timeout, payload=value
            )
        except Lost as lost:
            self._lost(lost)
        else:
            self._found()

    def _take(self) -> tuple[str, _Waiting]:
        key, waiting = self._waiting.popitem(last=False)
        self._waiting_bytes -= waiting.answer.size
        return key, waiting

    def _is_away(self) -> bool:
        return self._away_until is not None and self._clock.monotonic() < self._away_until

    def _lost(self, lost: Lost) -> None:
        if self._away_until is None:
            logger.warning("the cache of answers cannot be reached, so calls go to their providers: %s", lost)
        self._away_until = self._clock.monotonic() + AWAY

    def _found(self) -> None:
        if self._away_until is not None:
            self._away_until = None
            logger.info("the cache of answers can be reached again")
