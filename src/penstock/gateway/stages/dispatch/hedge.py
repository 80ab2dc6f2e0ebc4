"""A second attempt beside a slow first; the quicker one answers and the other is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from penstock.core.errors import PenstockError, UpstreamError
from penstock.gateway.routing.verdicts import judge
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending, Outrun

__all__ = ["race"]

Start = Callable[[Delivery], Coroutine[Any, Any, Ending]]


class _Race:
    """Who was quicker."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.winner: _Lane | None = None
        self.decided = asyncio.Event()


class _Lane:
    """What one attempt of a race delivers to."""

    def __init__(self, race: _Race) -> None:
        self._race = race

    @property
    def given(self) -> bool:
        return self._race.winner is self and self._race.delivery.given

    def claim(self) -> bool:
        race = self._race
        if race.winner not in (None, self) or not race.delivery.claim():
            return False
        race.winner = self
        race.decided.set()
        return True

    async def write(self, data: bytes) -> None:
        await self._race.delivery.write(data)


async def race(
    first: Start,
    second: Start,
    delivery: Delivery,
    *,
    delay: float | None,
    may_start: Callable[[], Awaitable[bool]],
) -> Ending:
    """Run `first`; once it gave no content within `delay`, or failed without any, run `second` beside it.

    Args:
        first: Starts the attempt that is made in any case.
        second: Starts the other.
        delivery: Gets the answer of the one that gives content first.
        delay: Seconds; None never starts the second beside the first.
        may_start: Whether the second is allowed, asked when it is its turn.

    Raises:
        PenstockError: both failed: the error of the one that failed last.
    """
    contest = _Race(delivery)
    loop = asyncio.get_running_loop()
    lanes = [_Lane(contest)]
    running = [loop.create_task(first(lanes[0]))]
    failed: list[asyncio.Task[Ending]] = []
    try:
        await _decided(contest, running, delay)
        started_second = False
        while True:
            if contest.winner is not None:
                winner = running[lanes.index(contest.winner)]
                await _stop([task for task in running if task is not winner])
                return await winner
            for task in running:
                if task.done() and task not in failed:
                    if task.exception() is None:
                        return task.result()
                    failed.append(task)
            if not started_second and (not failed or _may_do_better(failed[0])):
                started_second = True
                if await may_start():
                    lanes.append(_Lane(contest))
                    running.append(loop.create_task(second(lanes[1])))
            if len(failed) == len(running):
                return failed[-1].result()
            await _decided(contest, [task for task in running if not task.done()], None)
    finally:
        await _stop(running)
        # A lane knows the race.
        contest.winner = None


def _may_do_better(failed: "asyncio.Task[Ending]") -> bool:
    error = failed.exception()
    return isinstance(error, UpstreamError) and judge(error).elsewhere


async def _decided(contest: _Race, running: "list[asyncio.Task[Ending]]", seconds: float | None) -> None:
    """Wait for a winner, for one that ended, or for so long."""
    decided = asyncio.get_running_loop().create_task(contest.decided.wait())
    try:
        await asyncio.wait([decided, *running], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        decided.cancel()


async def _stop(tasks: "list[asyncio.Task[Ending]]") -> None:
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    for task in tasks:
        _let_go(task)


def _let_go(task: "asyncio.Task[Ending]") -> None:
    """Have a task forget the way its error came: that holds the frames, and they the task (FAILURES G9).

    The error has been seen to, or is of no interest any more.
    """
    with suppress(asyncio.CancelledError):
        error = task.exception()
        if isinstance(error, (PenstockError, Outrun)):
            # Only asked for its result does a task let go of the traceback that it keeps beside the error.
            with suppress(PenstockError, Outrun):
                task.result()
            error.__traceback__ = None
