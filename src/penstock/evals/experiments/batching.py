"""Group commit: what several tasks want within a moment is done in one go."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from penstock.core.errors import PenstockError

__all__ = ["GroupCommit"]

Asked = TypeVar("Asked")
Given = TypeVar("Given")

GATHER_SECONDS: Final = 0.02


class GroupCommit(Generic[Asked, Given]):
    """Collects single requests for `seconds`, or until there are `most`, and has them done as one batch.

    One batch is under way at a time; what comes meanwhile makes up the next.

    Args:
        work: Does a batch; its answers are in the order of what was asked.
        tasks: The group in which batches run.
        seconds: How long a request waits for company.
        most: Requests of a batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Asked]], Awaitable[Sequence[Given]]],
        tasks: asyncio.TaskGroup,
        *,
        seconds: float = GATHER_SECONDS,
        most: int = 500,
    ) -> None:
        self._work = work
        self._tasks = tasks
        self._seconds = seconds
        self._most = most
        self._waiting: list[tuple[Asked, asyncio.Future[Given]]] = []
        self._running = False
        self._full = asyncio.Event()

    async def __call__(self, one: Asked) -> Given:
        """The answer to one request, once its batch is done. Raises what the batch raised."""
        future: asyncio.Future[Given] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, future))
        if len(self._waiting) >= self._most:
            self._full.set()
        if not self._running:
            self._running = True
            self._tasks.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._most:
                    self._full.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self._seconds):
                            await self._full.wait()
                batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._do(batch)
        finally:
            self._running = False

    async def _do(self, batch: list[tuple[Asked, asyncio.Future[Given]]]) -> None:
        try:
            given = await self._work([one for one, _ in batch])
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except PenstockError as error:  # any other ends the group, and with it whoever waits
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, given, strict=True):
            if not future.done():
                future.set_result(answer)
