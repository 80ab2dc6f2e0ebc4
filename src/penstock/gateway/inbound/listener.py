"""All connections of a worker, and the application behind them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock.gateway.inbound.connection import Connection
from penstock.gateway.inbound.request import Request

__all__ = ["Listener"]

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 0.5
CLOSE_SECONDS = 5.0
"""For calls that are broken off to say so."""

Application = Callable[[Request], Awaitable[None]]


class Listener:
    """All connections of one worker, and the application behind them."""

    def __init__(self, application: Application) -> None:
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time()
        """Seconds of the loop's clock, as of the last sweep."""
        self.connections: set[Connection] = set()
        self.draining = False
        self.served = 0
        """Requests since the start."""
        self._application = application
        self._draining_since: float | None = None
        self._swept = self.now
        self._tasks: set[asyncio.Task[None]] = set()

    def connection(self) -> asyncio.Protocol:
        """For `loop.create_server`."""
        return Connection(self)

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    def serve(self, request: Request) -> None:
        """Run the application for a request."""
        self.served += 1
        task = self.loop.create_task(self._run(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, request: Request) -> None:
        try:
            await self._application(request)
        except Exception:
            # The boundary: a defect must not leave its caller without an answer, nor reach another connection.
            logger.exception("%s %s failed", request.method, request.path)
        finally:
            if not request.ended and not request.answered_soon:
                request.abort()

    def tick(self) -> None:
        """Housekeeping, a few times a second."""
        now = self.now = self.loop.time()
        if now - self._swept >= SWEEP_SECONDS or self.draining:
            self._swept = now
            for connection in list(self.connections):
                connection.sweep(now, draining_since=self._draining_since)

    def drain(self) -> None:
        """Answer what comes on open connections once more, then close them."""
        self.draining = True
        self._draining_since = self.loop.time()

    async def drained(self, seconds: float) -> None:
        """Wait until nobody is served, at most so long; then break off what is left."""
        deadline = self.loop.time() + seconds
        while self.connections and self.loop.time() < deadline:
            self.tick()
            await asyncio.sleep(0.02)
        if self._tasks:
            logger.warning("%d calls did not end within %g s and are broken off", len(self._tasks), seconds)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=CLOSE_SECONDS)
            # What they said last is on its way; closing is the loop's next business.
            await asyncio.sleep(0.02)
        for connection in list(self.connections):
            connection.abort()
        # One turn of the loop, in which the transports close.
        await asyncio.sleep(0)
