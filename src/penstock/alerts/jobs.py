"""Rules are evaluated and people are told, without end, whatever happens to the stores or the network.

Everything that has to last lies in the metadata store: when a rule is due, where its groups stand, what a channel was
told, what is still to be sent. A console that starts again goes on from there: it evaluates the times that it missed
at those times, so that nothing pending starts anew, and tells nobody twice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from penstock.alerts.notify.dispatch import Dispatch
from penstock.alerts.ports import Behind
from penstock.alerts.service import AlertService
from penstock.alerts.store import rules as store
from penstock.alerts.watch import Watch
from penstock.core.errors import PenstockError

__all__ = ["AlertJob"]

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
THREADS: Final = 6
"""Rules that are evaluated at a time; one that takes long holds up none of the others."""
SENDERS: Final = 3
"""Notifications that are sent at a time."""
TIDY_SECONDS: Final = 6 * 3600
Result = TypeVar("Result")


class AlertJob:
    """Evaluates what is due, and sends what is due.

    Args:
        alerts: The service.
        behind: Whether what the store holds is all that has happened.
        pause: Waits between two looks, seconds.
    """

    def __init__(
        self,
        alerts: AlertService,
        *,
        behind: Behind,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = alerts.context.clock
        self._metadata = alerts.context.metadata
        self._watch = Watch(alerts, behind=behind)
        self._dispatch = Dispatch(alerts)
        self._pause = pause
        self._busy: set[str] = set()
        self._tidied = float("-inf")
        self._evaluators = ThreadPoolExecutor(THREADS, thread_name_prefix="alerts")
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="notify")

    async def run(self) -> None:
        """Work until cancelled. No error ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self.step(tasks)
                    await self._pause(POLL_SECONDS)
        finally:
            # What is under way is finished first: a notification that was sent is noted as sent.
            self._evaluators.shutdown(wait=True, cancel_futures=True)
            self._senders.shutdown(wait=True, cancel_futures=True)

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """Look once: start what is due and not under way."""
        due = await self._safely("rules due", self._evaluators, self._due)
        for row in due or []:
            self._start(tasks, row.id, self._evaluators, lambda row=row: self._watch.evaluate(row))
        await self._safely("notifications", self._evaluators, self._dispatch.plan)
        waiting = await self._safely("deliveries due", self._evaluators, self._dispatch.due)
        for delivery in waiting or []:
            self._start(tasks, delivery.id, self._senders, lambda row=delivery: self._dispatch.deliver(row))

    def _start(self, tasks: asyncio.TaskGroup, id_: str, pool: ThreadPoolExecutor, work: Callable[[], None]) -> None:
        if id_ in self._busy:
            return
        self._busy.add(id_)

        async def run() -> None:
            try:
                await self._safely(id_, pool, work)
            finally:
                self._busy.discard(id_)

        tasks.create_task(run())

    async def _safely(self, what: str, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result | None:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except PenstockError as error:
            logger.warning("alerts: %s: %s", what, error)
        except Exception:  # boundary: alerts outlive every error, or nobody would be told
            logger.exception("alerts met an unexpected error: %s", what)
        return None

    def _due(self) -> list[store.DefinitionRow]:
        now = self._clock.now()
        monotonic = self._clock.monotonic()
        if monotonic - self._tidied >= TIDY_SECONDS:
            self._tidied = monotonic
            self._dispatch.tidy()
        with self._metadata.read() as connection:
            found = store.due(connection, now)
        if found:
            # Who waits for an answer keeps it; those of earlier times would only fill the memory.
            self._watch.fresh()
        return found
