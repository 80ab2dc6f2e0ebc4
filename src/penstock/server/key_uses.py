"""When keys were last used: from the spans that are stored to the keys that made them."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from penstock.core.errors import PenstockError
from penstock.tracing.jobs import IngestJob
from penstock.tracing.ports import SpanStore

__all__ = ["KeyUses"]

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0
"""Between two notes at least."""
PATIENCE_SECONDS = 3600.0
LOOK_BACK = 100_000
"""Spans that a starting console looks back, for those stored while it was down."""


class KeyUses:
    """Notes when keys were last used, as far as their calls are stored.

    Args:
        spans: The span store.
        ingest: Tells when spans were stored.
        note: Takes the uses; blocks.
    """

    def __init__(self, spans: SpanStore, ingest: IngestJob, note: Callable[[Mapping[str, int]], None]) -> None:
        self._spans = spans
        self._ingest = ingest
        self._note = note
        self._mark: int | None = None

    async def run(self) -> None:
        """Follow ingestion until cancelled, at most once in `PAUSE_SECONDS`."""
        with self._ingest.tail() as tail:
            while True:
                try:
                    await asyncio.to_thread(self.step)
                except PenstockError as error:
                    logger.warning("the last use of keys could not be noted yet: %s", error)
                await tail.wait(PATIENCE_SECONDS)
                await asyncio.sleep(PAUSE_SECONDS)

    def step(self) -> None:
        """Note what was stored since the last step; at the first, since the last hundred thousand spans."""
        if self._mark is None:
            self._mark = self._spans.newest_row() - LOOK_BACK
        uses, mark = self._spans.key_uses(mark=self._mark)
        if uses:
            self._note(uses)
        self._mark = mark
