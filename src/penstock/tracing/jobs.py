"""Segments are emptied into the span store, without end, whatever happens to either."""

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError
from penstock.store.journal.recovery import recover
from penstock.store.spans.loaded import Loaded
from penstock.tracing.ports import SpanStore

__all__ = ["IngestJob", "IngestState", "Tail"]

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
RECOVER_SECONDS = 2.0
"""How often orphans are looked for."""
BACKOFF_SECONDS = 5.0
"""Longest pause between two tries while the store is down."""
MAINTAIN_SECONDS = 30.0
"""How often upkeep is looked for, when nothing waits."""
FINISH_SECONDS = 20.0
"""How long a console that stops goes on storing; what is left waits in the journal, and nothing of it is lost."""
LOW_PRIORITY = 10
"""Niceness of ingestion. A tenth of a call's share of a core where all are busy: at the lowest, 19, it stood still."""
BATCH_BYTES = 96 * 1024 * 1024
"""Of the segments of one transaction, unless the store takes more."""
BATCH_SEGMENTS = 512
"""Segments of one transaction at most."""


class IngestState(msgspec.Struct, kw_only=True):
    """What ingestion has done since it started, and what waits."""

    waiting_segments: int = 0
    """Sealed, not stored yet; of all folders."""
    waiting_bytes: int = 0
    stored_spans: int = 0
    """Since start."""
    duplicates: int = 0
    """Spans since start that an application sent again, and that were stored already."""
    stored_scores: int = 0
    """Since start."""
    quarantined: int = 0
    """Lines set aside since start."""
    last_ingested: int | None = None
    """Microseconds since the epoch."""
    error: str | None = None
    """Why the last try failed; None when it did not."""


class _Folder(msgspec.Struct, kw_only=True):
    """Where segments of one sort wait."""

    path: Path
    load: Callable[[Sequence[Path]], list[Loaded]]
    fold: Callable[[str, bytes], None] | None = None
    waiting: dict[Path, int] = {}
    """Sizes of the sealed segments, as of the last look."""


class Tail:
    """Wakes when spans were stored. One for each listener; `wait` misses nothing between two calls."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def wait(self, seconds: float) -> bool:
        """True when spans were stored since the last call, False when `seconds` passed without."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True

    def wake(self) -> None:
        self._event.set()


def _stand_back() -> None:
    """Give this thread a low priority: it takes what is left over, and a call never waits for its time slice."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)


class IngestJob:
    """Moves sealed segments into the store and removes their files.

    Args:
        store: Where to. Its calls block, and run on a thread of their own.
        journal: The folder of segments; there may be none yet.
        clock: Age of files, time of ingestion.
        intake: The folder of segments that hold what applications sent.
        scores: The folder of segments of scores.
        pause: Waits between two looks at the folder, seconds.
        fold: Given the segments of dead writers before they are sealed; see `recover`.
        keep: Given each segment of spans once it is stored, before its file is removed.
        batch_bytes: Of segments that are stored together, at most.
    """

    def __init__(  # noqa: PLR0913 - each is told of one part of it
        self,
        store: SpanStore,
        journal: Path,
        *,
        clock: Clock,
        intake: Path | None = None,
        scores: Path | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        fold: Callable[[str, bytes], None] | None = None,
        keep: Callable[[Path], None] | None = None,
        batch_bytes: int | None = None,
    ) -> None:
        self.state = IngestState()
        self._store = store
        self._folders = [_Folder(path=journal, load=store.load, fold=fold)]
        if intake is not None:
            self._folders.append(_Folder(path=intake, load=store.load_intake))
        self._scores = None if scores is None else _Folder(path=scores, load=store.load_scores)
        if self._scores is not None:
            self._folders.append(self._scores)
        self._clock = clock
        self._pause = pause
        self._keep = keep
        self._batch_bytes = batch_bytes
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ingest", initializer=_stand_back)
        self._tails: set[Tail] = set()
        self._recovered_at = float("-inf")
        self._maintained_at = float("-inf")
        self._failures = 0

    async def run(self) -> None:
        """Ingest until cancelled. No error ends it: what cannot be stored now is tried again."""
        try:
            while True:
                if await self.step():
                    continue
                await self._pause(min(BACKOFF_SECONDS, POLL_SECONDS * 2 ** min(self._failures, 8)))
        finally:
            # A transaction under way is finished first, so that its files are removed too.
            self._thread.shutdown(wait=True)

    async def step(self) -> bool:
        """Look once; True when something was stored and more may wait."""
        try:
            stored = await asyncio.get_running_loop().run_in_executor(self._thread, self._ingest)
        except (PenstockError, OSError) as error:
            self._failed(str(error))
            return False
        except Exception as error:  # boundary: ingestion outlives every error, or spans would wait for ever
            logger.exception("ingestion met an unexpected error")
            self._failed(repr(error))
            return False
        self._succeeded()
        if not stored:
            return False
        for tail in self._tails:
            tail.wake()
        return True

    async def finish(self, seconds: float = FINISH_SECONDS) -> None:
        """Store the segments that lie sealed now, for so many seconds. Later ones, and the rest, wait for the next."""
        deadline = self._clock.monotonic() + seconds
        left = self._sealed()
        while left and self._clock.monotonic() < deadline and await self.step():
            left &= self._sealed()

    @contextmanager
    def tail(self) -> Generator[Tail]:
        """A listener, for as long as the block runs."""
        tail = Tail()
        self._tails.add(tail)
        try:
            yield tail
        finally:
            self._tails.discard(tail)

    def _ingest(self) -> bool:
        """On the thread: recover orphans when due, store a batch of each folder. True when it stored any."""
        now = self._clock.monotonic()
        if now - self._recovered_at >= RECOVER_SECONDS:
            for folder in self._folders:
                recover(folder.path, clock=self._clock, fold=folder.fold)
            self._recovered_at = now
        batches = [(folder, _batch(folder, self._batch_bytes or BATCH_BYTES)) for folder in self._folders]
        self._count_waiting()
        if not any(batch for _, batch in batches):
            self._maintain()
            return False
        stored = False
        failure: PenstockError | OSError | None = None
        for folder, batch in batches:
            try:
                stored = (bool(batch) and self._store_batch(folder, batch)) or stored
            except (PenstockError, OSError) as error:
                # What is wrong with one folder's segments does not keep those of the next waiting.
                failure = failure or error
        if failure is not None:
            raise failure
        return stored

    def _store_batch(self, folder: _Folder, batch: list[Path]) -> bool:
        """Store these segments and remove their files. True when any could be read.

        Raises:
            OSError: some could not.
        """
        loaded = folder.load(batch)
        if loaded:
            stored = sum(one.spans for one in loaded)
            if folder is self._scores:
                self.state.stored_scores += stored
            else:
                self.state.stored_spans += stored
                self.state.duplicates += sum(one.duplicates for one in loaded)
            self.state.quarantined += sum(one.quarantined for one in loaded)
            self.state.last_ingested = self._clock.now()
        for one in loaded:
            if self._keep is not None and folder is not self._scores:
                self._keep(one.path)
            one.path.unlink(missing_ok=True)
            folder.waiting.pop(one.path, None)
        self._count_waiting()
        if len(loaded) < len(batch):
            unread = sorted({path.name for path in batch} - {one.path.name for one in loaded})
            raise OSError(f"{len(unread)} journal segments cannot be read, the first is {unread[0]}")
        return bool(loaded)

    def _maintain(self) -> None:
        """A piece of upkeep, when it is due; more at the next look when there is more."""
        now = self._clock.monotonic()
        if now - self._maintained_at >= MAINTAIN_SECONDS and self._store.maintain() == 0:
            self._maintained_at = now

    def _sealed(self) -> set[Path]:
        return {path for folder in self._folders for path in folder.path.glob("*.ndjson")}

    def _count_waiting(self) -> None:
        self.state.waiting_segments = sum(len(folder.waiting) for folder in self._folders)
        self.state.waiting_bytes = sum(sum(folder.waiting.values()) for folder in self._folders)

    def _failed(self, reason: str) -> None:
        self._failures += 1
        if self.state.error is None:
            logger.error("spans cannot be stored and wait in the journal: %s", reason)
        self.state.error = reason

    def _succeeded(self) -> None:
        if self.state.error is not None:
            logger.warning("spans are stored again, after %d failed tries", self._failures)
        self.state.error = None
        self._failures = 0


def _batch(folder: _Folder, room: int) -> list[Path]:
    """The oldest sealed segments, up to so many bytes, but at least one. Counts all of them."""
    folder.waiting = {path: path.stat().st_size for path in sorted(folder.path.glob("*.ndjson"))}
    batch: list[Path] = []
    for path, size in folder.waiting.items():
        if batch and (size > room or len(batch) >= BATCH_SEGMENTS):
            break
        batch.append(path)
        room -= size
    return batch
