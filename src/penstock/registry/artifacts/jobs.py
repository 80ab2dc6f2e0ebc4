"""Delivers events to webhooks, without end.

What is to be delivered lies in the metadata store, written with what it tells of: a console that is killed goes on from
there. A delivery may be sent twice, when it is killed between sending and noting; its id is the same both times.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.registry.artifacts.store.events import DeliveryRecord
from penstock.registry.artifacts.webhooks import Webhooks

__all__ = ["WebhookJob"]

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
SENDERS: Final = 4
"""Deliveries at a time; one receiver that is slow holds up only its own."""
TIDY_SECONDS: Final = 6 * 3600


class WebhookJob:
    """Sends what is due.

    Args:
        webhooks: The service.
        clock: Where time comes from.
        pause: Waits between two looks, seconds.
    """

    def __init__(
        self, webhooks: Webhooks, *, clock: Clock, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._webhooks = webhooks
        self._clock = clock
        self._pause = pause
        self._busy: set[str] = set()
        self._tidied = float("-inf")
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhooks")

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.step(tasks)
                    await self._pause(POLL_SECONDS)
        finally:
            # What is under way is finished first: a message that was sent is noted as sent.
            self._pool.shutdown(wait=True, cancel_futures=True)

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """Look once: start what is due and whose receiver is not being sent to."""
        try:
            due = await asyncio.to_thread(self._due)
        except PenstockError as error:
            logger.warning("webhooks: what is due cannot be read: %s", error)
            return
        for row in due:
            if row.webhook not in self._busy:
                self._busy.add(row.webhook)
                tasks.create_task(self._deliver(row))

    async def _deliver(self, row: DeliveryRecord) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._webhooks.deliver, row)
        except PenstockError as error:
            logger.warning("webhooks: the delivery %s could not be noted: %s", row.id, error)
        finally:
            self._busy.discard(row.webhook)

    def _due(self) -> list[DeliveryRecord]:
        if self._clock.monotonic() - self._tidied >= TIDY_SECONDS:
            self._tidied = self._clock.monotonic()
            self._webhooks.tidy()
        return self._webhooks.due()
