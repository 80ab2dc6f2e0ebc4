"""How many calls are under way at once: more while all is well, half when the other side has too many."""

import asyncio
from collections import deque
from typing import Final

__all__ = ["Pacer"]

START: Final = 8
BACK_OFF: Final = 0.5


class Pacer:
    """A limit on calls under way that adapts: additive increase, multiplicative decrease (Chiu and Jain, 1989).

    A refusal lowers it once for all calls that were under way when it came, not once for each of them.

    Args:
        ceiling: The most.
        start: The first limit.
    """

    def __init__(self, ceiling: int, *, start: int = START) -> None:
        self._ceiling = max(1, ceiling)
        self._limit = float(min(start, self._ceiling))
        self._doubling = True
        self._active = 0
        self._epoch = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._opens = 0.0

    @property
    def limit(self) -> int:
        return int(self._limit)

    @property
    def active(self) -> int:
        return self._active

    async def acquire(self) -> int:
        """Wait for a place. Returns the epoch, which `release` wants back."""
        while self._active >= int(self._limit) or self._pause() > 0:
            pause = self._pause()
            if pause > 0 and self._active < int(self._limit):
                await asyncio.sleep(pause)
                continue
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        self._active += 1
        return self._epoch

    def release(self, epoch: int, *, refused: bool = False, retry_after: float | None = None) -> None:
        """Give a place back.

        Args:
            epoch: From `acquire`.
            refused: The other side had too many calls.
            retry_after: Seconds until it takes more; no call starts before.
        """
        self._active -= 1
        if refused:
            if epoch == self._epoch:
                self._epoch += 1
                self._doubling = False
                self._limit = max(1.0, self._limit * BACK_OFF)
            if retry_after is not None:
                self._opens = max(self._opens, asyncio.get_running_loop().time() + retry_after)
        elif self._limit < self._ceiling and self._active + 1 >= int(self._limit):
            # As TCP's slow start: by one for each success until the first refusal, by one for each round then.
            self._limit = min(self._ceiling, self._limit + (1.0 if self._doubling else 1.0 / self._limit))
        self._wake()

    def _pause(self) -> float:
        return self._opens - asyncio.get_running_loop().time() if self._opens else 0.0

    def _wake(self) -> None:
        room = int(self._limit) - self._active
        while room > 0 and self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1
