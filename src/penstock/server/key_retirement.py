"""Earlier master keys go when no gateway worker can need them any more."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.wire.snapshot import Snapshot
from penstock.wire.status import WorkerReport

__all__ = ["KeyRetirement"]

logger = logging.getLogger(__name__)

SECOND = 1_000_000
INTERVAL_SECONDS = 10.0
ALIVE_SECONDS = 10
"""A report older than this is of a worker that is gone."""


class Published(Protocol):
    """What the registry published last."""

    @property
    def snapshot(self) -> Snapshot: ...


class Keys(Protocol):
    """The stored secrets' master keys."""

    def retire(self, published: Mapping[str, str]) -> list[str]:
        """Drop the keys under which neither anything stored nor anything of `published` is sealed."""
        ...


class KeyRetirement:
    """Drops earlier master keys once all workers report the snapshot that does without them.

    Without any report nothing is dropped: that a gateway does not report is no proof that there is none.

    Args:
        reports: Folder of the workers' reports, `Home.workers`.
        registry: What is published.
        keys: The stored secrets.
        clock: Tells an old report.
    """

    def __init__(self, reports: Path, registry: Published, keys: Keys, *, clock: Clock) -> None:
        self._reports = reports
        self._registry = registry
        self._keys = keys
        self._clock = clock

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                await asyncio.to_thread(self.step)
            except PenstockError as error:
                logger.error("earlier master keys are kept: %s", error)  # noqa: TRY400 - the error tells all

    def step(self) -> list[str]:
        """Drop what can go now; ids of the dropped keys.

        Raises:
            PenstockError: as `Secrets.retire`.
        """
        snapshot = self._registry.snapshot
        serving = [report.snapshot for report in self._alive()]
        if not serving or min(serving) < snapshot.version:
            return []
        return self._keys.retire(snapshot.sealed_secrets)

    def _alive(self) -> list[WorkerReport]:
        found: list[WorkerReport] = []
        oldest = self._clock.now() - ALIVE_SECONDS * SECOND
        for path in self._reports.glob("*.json"):
            try:
                report = msgspec.json.decode(path.read_bytes(), type=WorkerReport)
            except (OSError, msgspec.MsgspecError) as error:
                # One that goes away while it is read; the next look tells.
                logger.debug("the report %s was passed over: %s", path, error)
                continue
            if report.at >= oldest:
                found.append(report)
        return found
