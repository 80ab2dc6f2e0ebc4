"""A request from its bytes to lines that are on the disk, in bounded memory."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import RateLimited, TooLarge
from penstock.store.journal.writer import JournalWriter
from penstock.tracing.otlp.body import encoding_of
from penstock.tracing.otlp.ports import Hide, IntakeLog, Pricing
from penstock.tracing.otlp.request import Arrived, map_request
from penstock.tracing.otlp.types import Encoding, Mapped, Outcome
from penstock.tracing.otlp.worker.client import MappingWorker

__all__ = ["MAX_BODY", "IntakeLimits", "IntakeState", "OtlpIntake", "keep_sealing"]

logger = logging.getLogger(__name__)

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request as it comes."""
LARGE = 64 * 1024
"""Bytes of a request, unpacked, from which it is worth handing over to another process."""
PACKED = 8
"""How many times smaller traces are when they are packed, about."""
MEASURE_SECONDS = 1.0
"""How old a measurement of what waits may be."""
TICK_SECONDS = 0.1


class IntakeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Where the intake pushes back."""

    unpacked: int = 64 * 1024 * 1024
    """Bytes of one request, unpacked."""
    in_flight: int = 128 * 1024 * 1024
    """Bytes of all requests that are being read, mapped or written."""
    waiting: int = 2 * 1024**3
    """Bytes of accepted spans that the store has not taken yet."""
    retry_seconds: int = 5
    """When a refused sender shall come again."""


class IntakeState(msgspec.Struct, kw_only=True):
    """What the intake has done since it started."""

    requests: int = 0
    accepted: int = 0
    """Spans."""
    rejected: int = 0
    """Spans."""
    reasons: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    """Of the rejected spans: how many for which reason. Reasons are few."""
    pushed_back: int = 0
    """Requests that were answered 429."""
    in_flight: int = 0
    """Bytes, now."""
    waiting: int = 0
    """Bytes that the store has not taken yet, as last measured."""


class _Flight:
    """The bytes that one request holds."""

    def __init__(self, intake: "OtlpIntake") -> None:
        self._intake = intake
        self.held = 0

    def hold(self, size: int) -> None:
        """Take room for more bytes, or raise `RateLimited`."""
        self._intake.check_room(size)
        self.held += size
        self._intake.state.in_flight += size

    def replace(self, size: int) -> None:
        """Hold this many instead: what was read has become something else."""
        self._intake.state.in_flight += size - self.held
        self.held = size


class OtlpIntake:
    """Takes requests in. Belongs to the event loop; decoding and mapping happen in another process or on a thread.

    A request is answered once its spans are on the disk. Memory is bounded by `IntakeLimits.in_flight` and by one
    request that is being mapped, in either place; what the store has not taken is bounded by `IntakeLimits.waiting`.
    Beyond either, a sender is asked to come again.

    Args:
        log: Where accepted spans are written.
        folder: Where they wait for the store.
        clock: Now.
        pricing: What model calls cost.
        hide: The hash of an end user's id.
        limits: Where to push back.
        worker: Maps large requests; without one they are mapped in this process.
    """

    def __init__(
        self,
        log: IntakeLog,
        folder: Path,
        *,
        clock: Clock,
        pricing: Pricing,
        hide: Hide,
        limits: IntakeLimits | None = None,
        worker: MappingWorker | None = None,
    ) -> None:
        self.state = IntakeState()
        self._log = log
        self._folder = folder
        self._clock = clock
        self._pricing = pricing
        self._hide = hide
        self._limits = limits or IntakeLimits()
        self._worker = worker
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="otlp")
        self._measured_at = float("-inf")

    def close(self) -> None:
        """Wait for what is being mapped; end the worker."""
        self._thread.shutdown(wait=True)
        if self._worker is not None:
            self._worker.close()

    async def receive(
        self, chunks: AsyncIterator[bytes], *, project: str, content_type: str | None, content_encoding: str | None
    ) -> tuple[Outcome, Encoding]:
        """Take one request in.

        Args:
            chunks: Its body as it comes.
            project: Id of the project that the spans belong to.
            content_type: The header of that name.
            content_encoding: The header of that name.

        Returns:
            What became of its spans, and the encoding to answer in.

        Raises:
            UnsupportedMedia: 415.
            InvalidInput: 400, not what its headers say.
            TooLarge: 413.
            RateLimited: 429, there is no room now.
            Unavailable: 503, it could not be written, or the worker died with it in hand.
        """
        encoding = encoding_of(content_type)
        await self._measure()
        with self._flight() as flight:
            parts: list[bytes] = []
            async for chunk in chunks:
                flight.hold(len(chunk))
                parts.append(chunk)
                if flight.held > MAX_BODY:
                    raise TooLarge(f"A request has at most {MAX_BODY} bytes.", hint="Send smaller batches.")
            arrived = Arrived(
                project=project,
                encoding=encoding,
                content_encoding=content_encoding,
                at=self._clock.now(),
                limit=self._limits.unpacked,
            )
            mapped = await self._map(arrived, parts, flight.held * (PACKED if content_encoding else 1))
            parts.clear()
            flight.replace(len(mapped.lines))
            if mapped.spans:
                await self._log.append_durably(mapped.lines, mapped.spans)
            self.state.waiting += len(mapped.lines)
        outcome = Outcome(accepted=mapped.spans, rejected=mapped.rejected)
        self._count(outcome, project)
        return outcome, encoding

    def check_room(self, size: int) -> None:
        """Raise `RateLimited` when this many more bytes cannot be held."""
        if self.state.in_flight + size > self._limits.in_flight:
            raise self._push_back("More spans are being taken in than memory is set aside for.", "in_flight")

    @contextmanager
    def _flight(self) -> Generator[_Flight]:
        flight = _Flight(self)
        try:
            yield flight
        finally:
            self.state.in_flight -= flight.held

    async def _measure(self) -> None:
        """Look at what waits, when the last look is old; push back when it is too much."""
        now = self._clock.monotonic()
        if now - self._measured_at >= MEASURE_SECONDS:
            self._measured_at = now
            self.state.waiting = await asyncio.to_thread(_bytes_of, self._folder)
        if self.state.waiting > self._limits.waiting:
            raise self._push_back("The store has not taken the spans that came before.", "waiting")

    def _push_back(self, message: str, limit: str) -> RateLimited:
        self.state.pushed_back += 1
        return RateLimited(
            message,
            limit=limit,
            retry_after=self._limits.retry_seconds,
            hint=f"Send the same request again in {self._limits.retry_seconds} seconds.",
            code="intake_full",
        )

    async def _map(self, arrived: Arrived, parts: list[bytes], size: int) -> Mapped:
        """Large requests are mapped in the worker, where there is one and it is ready; others on the thread."""
        if size >= LARGE and self._worker is not None and self._worker.wanted():
            mapped = await self._worker.map(arrived, parts)
            if mapped is not None:
                return mapped
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._map_here, arrived, parts)

    def _map_here(self, arrived: Arrived, parts: list[bytes]) -> Mapped:
        body = b"".join(parts)
        parts.clear()
        return map_request(arrived, body, pricing=self._pricing, hide=self._hide)

    def _count(self, outcome: Outcome, project: str) -> None:
        rejected = sum(outcome.rejected.values())
        self.state.requests += 1
        self.state.accepted += outcome.accepted
        self.state.rejected += rejected
        for reason, count in outcome.rejected.items():
            self.state.reasons[reason] = self.state.reasons.get(reason, 0) + count
        if rejected:
            logger.warning("%d spans of project %s were not taken: %s", rejected, project, outcome.rejected)


async def keep_sealing(*logs: JournalWriter, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Seal segments as they come of age, until cancelled."""
    while True:
        for log in logs:
            log.tick()
        await pause(TICK_SECONDS)


def _bytes_of(folder: Path) -> int:
    """What waits in a folder of segments."""
    total = 0
    for path in folder.glob("*.[on]*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            # It was stored and removed in between.
            continue
    return total
