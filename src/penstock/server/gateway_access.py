"""The console's own way to the gateway: its address, and a key that the workers know."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from penstock.core.errors import Unavailable
from penstock.registry.types import WorkerView

__all__ = ["GatewayAccess"]

WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.1


class ConsoleSecrets(Protocol):
    """The console's keys. Blocking."""

    def secret(self, project: str) -> str: ...


class GatewayAccess:
    """What a job of the console needs to call the gateway in a project.

    Args:
        url: Of the gateway; None where the console was not told.
        keys: The console's keys.
        workers: What the gateway's workers report. Blocking.
    """

    def __init__(self, url: str | None, keys: ConsoleSecrets, workers: Callable[[], Sequence[WorkerView]]) -> None:
        self._url = url
        self._keys = keys
        self._workers = workers
        self._served: set[str] = set()

    @property
    def url(self) -> str:
        """Without a trailing slash.

        Raises:
            Unavailable: `gateway_unknown`.
        """
        if self._url is None:
            raise Unavailable(
                "The console was not told where the gateway is, so it cannot call it.",
                hint="Start it with --gateway-url.",
                code="gateway_unknown",
            )
        return self._url.rstrip("/")

    async def key(self, project: str) -> str:
        """A key of this project that every worker takes.

        Raises:
            Unavailable: `gateway_behind`: workers did not take the snapshot that holds it within 10 s, or none lives.
        """
        secret = await asyncio.to_thread(self._keys.secret, project)
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not await asyncio.to_thread(self._serving, project):  # noqa: ASYNC110 - workers report in files
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise Unavailable(
                f"The gateway's workers did not take the newest snapshot within {WAIT_SECONDS:g} s.",
                hint="penstock doctor says what they serve.",
                code="gateway_behind",
            ) from error
        self._served.add(project)
        return secret

    def _serving(self, project: str) -> bool:
        live = [worker for worker in self._workers() if not worker.stale]
        # A key that was taken once stays taken, but somebody has to be there to take it.
        return bool(live) and (project in self._served or all(worker.newest for worker in live))
