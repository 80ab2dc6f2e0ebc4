"""Experiments that the console runs itself: taken one after another, gone on with after a restart."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, Protocol

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.core.ids import Ids
from penstock.evals.experiments.ledger import StoreLedger, StoreRows
from penstock.evals.experiments.ports import ModelAccess
from penstock.evals.experiments.runner import Resolve, Runner, Setting
from penstock.evals.experiments.service import Experiments
from penstock.evals.experiments.store import ExperimentRow
from penstock.evals.experiments.types import Ending, ExperimentSpec

__all__ = ["Access", "ExperimentJob"]

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
AT_ONCE: Final = 2
"""Experiments that run at a time."""
BEHIND: Final = "gateway_behind"
"""Code of an error that passes: a gateway that is starting, or takes a snapshot."""


class Access(Protocol):
    """How the console reaches models and records on behalf of a project."""

    @property
    def gateway(self) -> ModelAccess: ...

    def trace(self, project: str, trace_id: str) -> bytes:
        """The JSON of a trace; blocks. Raises `NotFound`."""
        ...

    def resolve(self, project: str) -> Resolve:
        """What experiments of this project may refer to."""
        ...


class ExperimentJob:
    """Runs what is waiting.

    Args:
        experiments: The service.
        access: To models and records.
        clock: Time.
        ids: Names this runner.
        random: Chance.
        pause: Waits between two looks, seconds.
    """

    def __init__(
        self,
        experiments: Experiments,
        access: Access,
        *,
        clock: Clock,
        ids: Ids,
        random: Random,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._experiments = experiments
        self._access = access
        self._clock = clock
        self._random = random
        self._pause = pause
        self._name = f"console {ids.uuid7()}"
        self._running = 0

    async def run(self) -> None:
        """Work until cancelled. No error ends it."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self.step(tasks)
                await self._pause(POLL_SECONDS)

    async def step(self, tasks: asyncio.TaskGroup) -> None:
        """Look once: start what waits, as far as there is room."""
        while self._running < AT_ONCE:
            try:
                row = await asyncio.to_thread(self._experiments.take_next, runner=self._name)
            except PenstockError as error:
                logger.warning("experiments cannot be read: %s", error)
                return
            if row is None:
                return
            self._running += 1
            tasks.create_task(self._run(row))

    async def _run(self, row: ExperimentRow) -> None:
        try:
            ending = await self._ending(row)
            if ending is not None:
                await asyncio.to_thread(
                    self._experiments.release, row.project, row.id, runner=self._name, ending=ending
                )
        except PenstockError as error:
            logger.warning("experiment %s: %s", row.id, error)
        finally:
            self._running -= 1

    async def _ending(self, row: ExperimentRow) -> Ending | None:
        """None: somebody else runs it now."""
        try:
            return await self._work(row)
        except PenstockError as error:
            if error.code == "lease_lost":
                logger.info("experiment %s was taken by somebody else", row.id)
                return None
            # What passes is waited for: the experiment is taken again at the next look.
            return Ending(state="waiting" if error.code == BEHIND else "failed", reason=str(error))
        except Exception:  # boundary: one experiment must not end the others, nor the console
            logger.exception("experiment %s met an unexpected error", row.id)
            return Ending(state="failed", reason="An unexpected error; the console's log has it.")

    async def _work(self, row: ExperimentRow) -> Ending:
        gateway = self._access.gateway
        url, key = gateway.url, await gateway.key(row.project)
        records = self._experiments.records(row.project, row.id, runner=self._name)
        runner = Runner(
            Setting(
                experiment=row.id,
                spec=msgspec.convert(row.spec, ExperimentSpec),
                salt=row.salt,
                gateway=url,
                key=key,
                records=lambda trace_id: self._access.trace(row.project, trace_id),
                renew=records.renew,
            ),
            StoreRows(records),
            StoreLedger(records),
            resolve=self._access.resolve(row.project),
            clock=self._clock,
            random=self._random,
        )
        shown = await asyncio.to_thread(self._experiments.name_evaluators, row.project, row.id, runner.evaluators)
        return await runner.run(shown.counts)
