"""The writing side of the journal: one writer per process, one `write` per record, one fsync per segment."""

import asyncio
import fcntl
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.ids import Ids
from penstock.wire.snapshot import JournalSettings
from penstock.wire.span import Span, encode_span

__all__ = ["Companion", "JournalWriter"]

logger = logging.getLogger(__name__)

SPAN_PREFIX = b'{"record":"span",'
OPEN_PREFIX = b'{"record":"open",'
RESERVE_BYTES = 8 * 1024 * 1024
"""Held back on disk so that calls in flight can still be recorded when the disk fills up."""
MEASURE_SECONDS = 1.0


Then = Callable[[PenstockError | None], None]


class Companion(Protocol):
    """A log that goes along with the segments, and must never be behind what is ingested."""

    def snapshot_changes(self) -> bytes:
        """What belongs to the segment that ends now. Called on the event loop's thread."""
        ...

    def write(self, segment: str, changes: bytes) -> None:
        """Put it on disk. Called on the writer's thread, before the segment is sealed; again after an `OSError`."""
        ...


class JournalWriter:
    """Appends spans to segments and seals them.

    `record` returns only when the lines are in the file: a killed process loses nothing that it
    returned from. A failed write leaves no half line behind. A segment is fsynced when it is sealed,
    never while it is written: that would hold up every write for as long as the disk takes.

    Not thread-safe: it belongs to the event loop's thread. fsync, sealing and measuring happen on
    one thread of its own, in order.

    Args:
        folder: Where the segments lie; shared by all writers of an installation.
        settings: Size, age and what to do when full.
        clock: Time of segment names and ages.
        ids: Gives the worker's name, fresh for each writer.
    """

    def __init__(self, folder: Path, settings: JournalSettings, *, clock: Clock, ids: Ids) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self.worker = ids.span_id()
        self._sequence = 0
        self._fd: int | None = None
        self._path = folder
        self._size = 0
        self._carried = 0
        self._opened_at = 0.0
        self._measuring: Future[int] | None = None
        self._measured_at = float("-inf")
        self._sealing: list[tuple[_Sealing, Future[None]]] = []
        self._waiting_bytes = 0
        self._sync: _Sync | None = None
        self._open: dict[str, bytes] = {}
        self._pending: list[bytes] = []
        self._batch: list[tuple[bytes, int, Then]] = []
        self._reserve = folder / f"reserve-{self.worker}"
        self._reserve_fd: int | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self.companion: Companion | None = None
        """What is to be on disk before a segment may be ingested."""
        self.full = False
        """True while new calls cannot be recorded."""
        self.lost = 0
        """Spans dropped under `on_full: shed` since start."""
        self.recorded = 0
        """Spans written since start."""

    def start(self) -> None:
        """Set disk space aside. Without it the writer works too, but a full disk strikes earlier."""
        self._make_reserve()

    def configure(self, settings: JournalSettings) -> None:
        """Take other settings, from the next record on."""
        self._settings = settings

    def admit(self) -> None:
        """Ask whether a new call may start.

        Raises:
            Unavailable: `journal_full`, under `on_full: block`.
        """
        if self.full and self._settings.on_full == "block":
            raise self._refusal()

    def begin(self, span: Span) -> None:
        """Note a call in flight, so that it leaves a record even when this process is killed."""
        line = OPEN_PREFIX + encode_span(span)[1:] + b"\n"
        try:
            self._append(line)
        except OSError:
            self._became_full()
        # Only now: a segment opened for this line must not carry it already.
        self._open[span.span_id] = line

    def record(self, spans: Sequence[Span]) -> None:
        """Write the spans of a call that is over.

        Raises:
            Unavailable: the journal is full and the policy is `block`. The spans are kept in memory
                and written when there is room again.
        """
        self.flush()
        self._write(self._lines(spans), len(spans))

    def record_soon(self, spans: Sequence[Span], then: Then) -> None:
        """Write the spans of a call that is over with those of all calls that end in this turn of the event loop.

        One `write` for all of them, instead of one for each: a system call costs more than what it writes here.

        Args:
            spans: Of one call.
            then: Called once they are in the file, or with the error that `record` would have raised; still in
                this turn or the next, with nothing in between. It must not raise.
        """
        if not self._batch:
            asyncio.get_running_loop().call_soon(self.flush)
        self._batch.append((self._lines(spans), len(spans), then))

    def append(self, lines: bytes, count: int) -> None:
        """Write ready-made lines, each `{"record": …}` with its newline. They are not kept when they cannot be written.

        A killed process loses nothing that this returned from; a power cut may, until the segment is sealed.

        Args:
            lines: Whole lines, of records that the folder is for.
            count: How many.

        Raises:
            Unavailable: `journal_full`; none of the lines is in the file.
        """
        self.flush()
        if self.full:
            raise self._refusal()
        try:
            self._append(lines)
        except OSError as error:
            self._became_full()
            raise self._refusal() from error
        self.recorded += count

    async def append_durably(self, lines: bytes, count: int) -> None:
        """As `append`, and returns when the lines are on the disk itself.

        Callers that wait at the same time share one fsync. A caller that is cancelled has written its lines all the
        same.

        Raises:
            Unavailable: `journal_full`; or the disk failed to take the lines (`journal_not_durable`), which may
                then be stored or not.
        """
        self.append(lines, count)
        sync = self._sync
        if sync is None or sync.begun or sync.path != self._path:
            assert self._fd is not None  # noqa: S101 - narrows the type; append leaves a segment open
            sync = self._sync = _Sync(os.dup(self._fd), self._path)
            sync.done = asyncio.get_running_loop().run_in_executor(self._thread, sync.run)
        try:
            await asyncio.shield(sync.done)
        except OSError as error:
            raise Unavailable(
                f"The disk did not take what was written to {self._folder}: {error.strerror}.",
                hint="Send it again; what was stored already is not stored twice.",
                code="journal_not_durable",
                retry_after=5,
            ) from error

    def flush(self) -> None:
        """Write what `record_soon` was given."""
        batch = self._batch
        if not batch:
            return
        self._batch = []
        try:
            self._append(b"".join([lines for lines, _, _ in batch]) if len(batch) > 1 else batch[0][0])
        except OSError:
            self._became_full()
            for lines, count, then in batch:
                try:
                    self._write(lines, count)
                except Unavailable as error:
                    then(error)
                else:
                    then(None)
            return
        for _, count, then in batch:
            self.recorded += count
            then(None)

    def _lines(self, spans: Sequence[Span]) -> bytes:
        for span in spans:
            self._open.pop(span.span_id, None)
        if len(spans) == 1:
            return SPAN_PREFIX + encode_span(spans[0])[1:] + b"\n"
        return b"".join([SPAN_PREFIX + encode_span(span)[1:] + b"\n" for span in spans])

    def _write(self, data: bytes, count: int) -> None:
        try:
            self._append(data)
        except OSError:
            self._became_full()
            self._record_when_full(data, count)
        else:
            self.recorded += count

    def _record_when_full(self, data: bytes, count: int) -> None:
        if self._release_reserve():
            try:
                self._append(data)
            except OSError:
                pass
            else:
                self.recorded += count
                return
        if self._settings.on_full == "shed":
            self.lost += count
            logger.error("journal full: %d spans dropped, %d since start (journal.on_full: shed)", count, self.lost)
            return
        self._pending.append(data)
        raise self._refusal()

    def tick(self) -> None:
        """Do what is due: sealing, measuring. Called a few times a second; never blocks."""
        now = self._clock.monotonic()
        if now - self._measured_at >= MEASURE_SECONDS and (self._measuring is None or self._measuring.done()):
            measured, self._measured_at = self._measuring, now
            self._measuring = self._thread.submit(_segment_bytes, self._folder)
            if measured is not None and measured.exception() is None:
                self._weigh(measured.result())
        self._check_sealing()
        if self.full:
            self._try_again()
        if self._fd is None:
            return
        age = now - self._opened_at
        if self._size > self._carried and (
            age >= self._settings.segment_seconds or self._size >= self._settings.segment_bytes
        ):
            self.seal()

    def seal(self) -> None:
        """End the current segment; the next record starts another."""
        self.flush()
        if self._fd is None:
            return
        fd, path = self._fd, self._path
        self._fd = None
        if self._open:
            try:
                self._open_segment()
            except OSError:
                # The old segment still knows every call in flight: keep writing to it.
                self._fd, self._path = fd, path
                self._became_full()
                return
        companion = self.companion
        changes = companion.snapshot_changes() if companion is not None else b""
        sealing = _Sealing(fd, path, companion, changes)
        self._sealing.append((sealing, self._thread.submit(sealing.run)))

    def _check_sealing(self) -> None:
        """Try again what could not be sealed: while this process lives nobody else may take it for an orphan."""
        waiting = [one for one in self._sealing if not one[1].done() or one[1].exception() is not None]
        for number, (sealing, done) in enumerate(waiting):
            if done.done():
                logger.error("%s cannot be sealed yet: %s", sealing.path, done.exception())
                waiting[number] = (sealing, self._thread.submit(sealing.run))
        self._sealing = waiting

    def close(self) -> None:
        """Write what is left, seal, and wait until it is on disk."""
        self.flush()
        if self._pending:
            self._try_again()
        self._open.clear()
        if self._fd is not None and self._size <= self._carried:
            with suppress(OSError):
                self._path.unlink()
            os.close(self._fd)
            self._fd = None
        self.seal()
        self._thread.shutdown(wait=True)
        for sealing, done in self._sealing:
            if done.exception() is not None:
                logger.error(
                    "%s was not sealed (%s); it is recovered at the next start", sealing.path, done.exception()
                )
        if self._pending:
            logger.error("journal full at exit: %d writes of spans lost", len(self._pending))
        self._release_reserve()

    def _append(self, data: bytes) -> None:
        if self._fd is None:
            self._open_segment()
            assert self._fd is not None  # noqa: S101 - narrows the type; _open_segment sets it or raises
        try:
            _write_all(self._fd, data)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)

    def _open_segment(self) -> None:
        name = f"{self._clock.now():016x}-{self.worker}-{self._sequence:08x}"
        fresh = self._folder / f"{name}.new"
        path = self._folder / f"{name}.open"
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            carried = b"".join(self._open.values())
            _write_all(fd, carried)
            fresh.rename(path)
        except OSError:
            os.close(fd)
            fresh.unlink(missing_ok=True)
            raise
        self._sequence += 1
        self._fd, self._path, self._size, self._carried = fd, path, len(carried), len(carried)
        self._opened_at = self._clock.monotonic()

    def _refusal(self) -> Unavailable:
        return Unavailable(
            "The journal has no room for another record, and calls are not served unrecorded.",
            hint="Free disk space or start the console; or set journal.on_full: shed.",
            code="journal_full",
            retry_after=5,
        )

    def _became_full(self) -> None:
        if not self.full:
            self.full = True
            logger.error("journal full: %s; policy is %s", self._folder, self._settings.on_full)

    def _weigh(self, waiting: int) -> None:
        self._waiting_bytes = waiting
        if waiting >= self._settings.max_bytes:
            self._became_full()

    def _try_again(self) -> None:
        """Leave the full state once there is room for the backlog and for the reserve."""
        if self._waiting_bytes >= self._settings.max_bytes:
            return
        while self._pending:
            try:
                self._append(self._pending[0])
            except OSError:
                return
            self.recorded += self._pending.pop(0).count(b"\n")
        if self._reserve_fd is None and not self._make_reserve():
            return
        self.full = False
        logger.warning("journal has room again: %s", self._folder)

    def _make_reserve(self) -> bool:
        try:
            fd = os.open(self._reserve, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, RESERVE_BYTES)
            finally:
                os.close(fd)
            # The lock tells recovery that this writer lives; one for writing would hinder a remount.
            self._reserve_fd = os.open(self._reserve, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._reserve_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._release_reserve()
            return False
        return True

    def _release_reserve(self) -> bool:
        """Whether space became free."""
        fd, self._reserve_fd = self._reserve_fd, None
        if fd is not None:
            os.close(fd)
        try:
            self._reserve.unlink()
        except OSError:
            # It is not there, or the file system is read-only: nothing is freed.
            return False
        return True


def _write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data) if data else 0
    while written < len(data):
        # A short write comes before the error that explains it.
        written += os.write(fd, data[written:])


class _Sealing(NamedTuple):
    """A segment that ends."""

    fd: int
    path: Path
    companion: Companion | None
    changes: bytes

    def run(self) -> None:
        """On the writer's own thread; may be run again after it failed."""
        os.fsync(self.fd)
        if self.companion is not None:
            self.companion.write(self.path.stem, self.changes)
        self.path.rename(self.path.with_suffix(".ndjson"))
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
            os.close(self.fd)


class _Sync:
    """One fsync for all who wait for it. Lines written before it has begun are on the disk when it is done."""

    done: asyncio.Future[None]

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self.path = path
        self.begun = False

    def run(self) -> None:
        """On the writer's own thread, with a descriptor of its own: the segment may be sealed meanwhile."""
        self.begun = True
        try:
            os.fsync(self._fd)
        finally:
            os.close(self._fd)


def _segment_bytes(folder: Path) -> int:
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".ndjson", ".open")):
                try:
                    total += entry.stat().st_size
                except FileNotFoundError:
                    continue
    return total
