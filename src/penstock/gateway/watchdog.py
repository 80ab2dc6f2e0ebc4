"""Deadlines of calls in flight, held by one ticker per worker instead of a timer per chunk."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from math import inf

from penstock.gateway.http import Responder
from penstock.wire.snapshot import Timeouts

__all__ = ["TICK_SECONDS", "Watch", "Watchdog"]

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
"""How late a timer may be."""


class Watch:
    """The timers of one attempt.

    When one runs out the task that runs the attempt is cancelled, with `expired` naming the timer;
    the attempt turns that into `DeadlineExceeded`.
    """

    __slots__ = ("deadline", "expired", "limit", "task", "timeouts", "timer")

    def __init__(self, task: "asyncio.Task[None]", timeouts: Timeouts, now: float) -> None:
        self.task = task
        self.timeouts = timeouts
        self.limit = now + timeouts.total
        self.deadline = inf
        self.timer = ""
        self.expired: str | None = None

    def expect(self, timer: str, seconds: float, now: float) -> None:
        """Something must happen within `seconds`, or the attempt is over."""
        self.timer = timer
        self.deadline = now + seconds

    def rest(self) -> None:
        """Nothing is expected of the upstream now (the caller is being written to)."""
        self.deadline = inf


class Watchdog:
    """Looks at every watch each tick, and keeps quiet streams alive."""

    def __init__(self, chores: Iterable[Callable[[], object]] = ()) -> None:
        self._watches: set[Watch] = set()
        self._responders: set[Responder] = set()
        self.chores = list(chores)
        """Called each tick; must not block."""

    def add(self, watch: Watch) -> None:
        self._watches.add(watch)

    def remove(self, watch: Watch) -> None:
        self._watches.discard(watch)

    def keep_alive(self, responder: Responder) -> None:
        self._responders.add(responder)

    def let_go(self, responder: Responder) -> None:
        self._responders.discard(responder)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self.tick(asyncio.get_running_loop().time())
            await asyncio.sleep(TICK_SECONDS)

    def tick(self, now: float) -> None:
        """One look at everything; `now` is the event loop's time."""
        for watch in [watch for watch in self._watches if now >= watch.deadline or now >= watch.limit]:
            watch.expired = watch.timer if now >= watch.deadline else "total"
            self._watches.discard(watch)
            watch.task.cancel()
        for responder in self._responders:
            responder.keep_alive(now)
        for chore in self.chores:
            try:
                chore()
            except OSError:
                logger.exception("a periodic chore of the gateway failed")
