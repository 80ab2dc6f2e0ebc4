"""How far an experiment is, told while it runs: a snapshot whenever it moved, until the run has ended.

It only reads, at most once in `PERIOD` seconds for each experiment however many watch, so no runner ever waits for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, RateLimited
from penstock.evals.experiments.types import Counts, Experiment, State

__all__ = ["Progress", "ProgressFeed"]

logger = logging.getLogger(__name__)

PERIOD: Final = 0.5
QUIET_SECONDS: Final = 15.0
"""After so long without news something is sent, or a proxy takes the connection for dead."""
LOOKED_BACK: Final = 30.0
"""Seconds over which the rate is taken."""
LEAST_SPAN: Final = 1.0
MAX_STREAMS: Final = 256
MAX_OF_PROJECT: Final = 64
ACTIVE: Final[frozenset[State]] = frozenset({"waiting", "running"})

Pause = Callable[[float], Awaitable[None]]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far an experiment is. Times are microseconds since the epoch, money is nano-dollars."""

    state: State
    reason: str | None
    counts: Counts
    runner: str | None
    lease: int | None
    started: int | None
    finished: int | None
    rate: float | None
    """Answers a second, lately; None: not known yet."""
    left: float | None
    """Seconds until its end at this rate; None: not known."""
    cost_expected: int | None
    """Of the whole, were the rest as dear as what is paid for; None: not known."""

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def mark(self) -> str:
        """Changes whenever there is something new to show."""
        counts = self.counts
        return f"{self.state}.{counts.done}.{counts.errors}.{counts.unscored}.{counts.cost}"


class _Watched:
    """One experiment, however many watch it."""

    def __init__(self) -> None:
        self.watchers = 0
        self.lock = asyncio.Lock()
        self.read: float | None = None
        self.progress: Progress | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, shown: Experiment, now: float) -> Progress:
        answered = shown.counts.done + shown.counts.errors
        seen = self._seen
        if seen and seen[-1][1] > answered:
            seen.clear()  # failed rows are asked again
        seen.append((now, answered))
        while now - seen[0][0] > LOOKED_BACK:
            seen.popleft()
        active = shown.state in ACTIVE
        span = now - seen[0][0]
        rate = (answered - seen[0][1]) / span if active and span >= LEAST_SPAN else None
        rest = max(0, shown.counts.total - answered)
        self.read = now
        self.progress = Progress(
            state=shown.state,
            reason=shown.reason,
            counts=shown.counts,
            runner=shown.runner,
            lease=shown.lease,
            started=shown.started,
            finished=shown.finished,
            rate=rate,
            left=rest / rate if rate else None,
            cost_expected=_expected(shown.counts, rest) if active else None,
        )
        return self.progress


class ProgressFeed:
    """Progress of all experiments.

    Args:
        read: The experiment of a project; blocks. Raises `NotFound`.
        clock: Where time comes from.
        pause: Waits between two looks, seconds.
    """

    def __init__(self, read: Callable[[str, str], Experiment], *, clock: Clock, pause: Pause = asyncio.sleep) -> None:
        self._read = read
        self._clock = clock
        self._pause = pause
        self._watched: dict[tuple[str, str], _Watched] = {}

    def check_room(self, project: str) -> None:
        """Refuse one stream too many.

        Raises:
            RateLimited: `too_many_streams`; the page asks now and then instead.
        """
        if not self._has_room(project):
            raise RateLimited(
                "Too many pages watch experiments at the same time.",
                limit="streams",
                retry_after=QUIET_SECONDS,
                hint="Ask for the experiment itself now and then, or close some pages.",
                code="too_many_streams",
            )

    async def now(self, project: str, experiment: str) -> Progress:
        """How far it is. Raises `NotFound`."""
        known = self._watched.get((project, experiment), _Watched())
        return await self._look(known, project, experiment)

    async def watch(
        self, project: str, experiment: str, *, since: str | None = None
    ) -> AsyncGenerator[Progress | None]:
        """Snapshots, the last one of a run that has ended; None when there was nothing to say for long.

        Args:
            project: Whose.
            experiment: Its id.
            since: The mark of a snapshot that the watcher has: the first is sent only if there is a newer one.
        """
        if not self._has_room(project):
            return
        watched = self._watched.setdefault((project, experiment), _Watched())
        watched.watchers += 1
        try:
            said = self._clock.monotonic()
            while True:
                progress = await self._patient_look(watched, project, experiment)
                now = self._clock.monotonic()
                if progress is not None and progress.mark != since:
                    since, said = progress.mark, now
                    yield progress
                elif now - said >= QUIET_SECONDS:
                    said = now
                    yield None
                if progress is not None and not progress.active:
                    return
                await self._pause(PERIOD)
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                self._watched.pop((project, experiment), None)

    async def _patient_look(self, watched: _Watched, project: str, experiment: str) -> Progress | None:
        try:
            return await self._look(watched, project, experiment)
        except PenstockError as error:
            # The stream outlives the store's being busy, as the page that shows it does.
            logger.warning("the progress of experiment %s waits: %s", experiment, error)
            return None

    async def _look(self, watched: _Watched, project: str, experiment: str) -> Progress:
        async with watched.lock:
            now = self._clock.monotonic()
            if watched.progress is not None and watched.read is not None and now - watched.read < PERIOD:
                return watched.progress
            shown = await asyncio.to_thread(self._read, project, experiment)
            return watched.add(shown, self._clock.monotonic())

    def _has_room(self, project: str) -> bool:
        of_project = sum(one.watchers for (whose, _), one in self._watched.items() if whose == project)
        everybody = sum(one.watchers for one in self._watched.values())
        return of_project < MAX_OF_PROJECT and everybody < MAX_STREAMS


def _expected(counts: Counts, rest: int) -> int | None:
    """What the rest costs if it is like the answers that this run paid for."""
    paid = counts.done - counts.cached - counts.unpriced
    return counts.cost + round(counts.cost / paid * rest) if paid > 0 else None
