"""What a gateway worker keeps beside its calls: counters of limits, kept answers, and its report."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

import msgspec

import penstock
from penstock.core.clock import Clock
from penstock.core.errors import CorruptData, PenstockError
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.core.settings import resolve_secret
from penstock.gateway.catalog import MAX_SALT
from penstock.gateway.inbound.listener import Listener
from penstock.gateway.limits.claims import Limiter
from penstock.gateway.limits.ports import Counters
from penstock.gateway.metrics import Meter
from penstock.gateway.publication import Publication
from penstock.gateway.reuse.ports import AnswerCache
from penstock.gateway.reuse.savings import Tally
from penstock.gateway.routing.registry import Health
from penstock.store.answers.memory import MemoryAnswers
from penstock.store.counters.ledger import Ledger
from penstock.store.counters.memory import MemoryCounters
from penstock.store.counters.spendlog import SpendLog
from penstock.store.journal.writer import JournalWriter
from penstock.wire.limits import RedisSettings
from penstock.wire.snapshot import GatewaySettings, decode_snapshot
from penstock.wire.status import Correction, SpentReport, WorkerReport

__all__ = ["Folding", "Reporter", "Spending", "SpentFile", "open_answers", "resolved"]

logger = logging.getLogger(__name__)

REPORT_SECONDS = 1.0
MOST_SPENT = 1_000
"""Counters of money in a report, at most."""
CHEAP = 5_000
"""Counters that are looked through in a second; with more of them, the report of money is as many times rarer."""
REFERENCES = ("env:", "file:")


class Spending:
    """The counters of one worker, and the log that lets money survive a restart.

    Args:
        home: Where the log and the journal lie.
        journal: The worker's own; from here on its segments go along with the log.
        publication: Whose limits say what a record adds to.
        clock: Time of windows.
        ids: Names epochs of a shared store.
    """

    def __init__(self, home: Home, journal: JournalWriter, publication: Publication, *, clock: Clock, ids: Ids) -> None:
        self._publication = publication
        self._clock = clock
        self._ids = ids
        self._worker = journal.worker
        self._ledger = Ledger()
        self._log = SpendLog(home, self._ledger, worker=journal.worker, clock=clock)
        self._memory: MemoryCounters | None = None
        self._predecessors: set[str] = set()
        self._known: dict[tuple[str, int], int] = {}
        self._looking = False
        self._due = 0.0
        journal.companion = self._log

    def open(self, settings: RedisSettings | None, tasks: asyncio.TaskGroup) -> Counters:
        """The counters, with what was spent before in the windows that still count.

        Args:
            settings: None: in this process's memory.
            tasks: Where a shared store's own tasks run.

        Raises:
            MissingExtra: Redis is configured and its package is not installed.
            InvalidInput: its address is none.
        """
        if settings is None:
            counters = MemoryCounters(self._clock, self._ledger)
            # One that lives still is about to be replaced by this worker, and goes on booking till it is gone.
            self._predecessors = self._log.others_living()
            self._known = self._log.restore(self._spent)
            counters.load(self._known)
            self._memory = counters
            return counters
        from penstock.store.counters.redis import RedisCounters  # noqa: PLC0415 - an extra

        return RedisCounters(
            resolved(settings),
            clock=self._clock,
            ids=self._ids,
            ledger=self._ledger,
            worker=self._worker,
            tasks=tasks,
            on_fresh=self._gone,
        )

    def tick(self) -> None:
        """Take over what a worker that this one replaces booked to its end."""
        now = self._clock.monotonic()
        if self._memory is None or not self._predecessors or self._looking or now < self._due:
            return
        self._due = now + REPORT_SECONDS
        living = self._log.others_living()
        if not self._predecessors <= living:
            self._looking = True
            found = asyncio.get_running_loop().run_in_executor(None, self._log.others, self._spent)
            found.add_done_callback(partial(self._take_over, self._memory, living))

    def _take_over(
        self, counters: MemoryCounters, living: set[str], found: "asyncio.Future[dict[tuple[str, int], int]]"
    ) -> None:
        self._looking = False
        if found.cancelled():
            return
        error = found.exception()
        if error is not None:
            logger.error("what a replaced worker booked cannot be read yet: %s", error)
            return
        booked = found.result()
        counters.load({place: amount - self._known.get(place, 0) for place, amount in booked.items()})
        self._known = booked
        self._predecessors &= living

    def close(self) -> None:
        self._log.close()

    async def _gone(self) -> Mapping[str, int]:
        return await asyncio.get_running_loop().run_in_executor(None, self._log.gone, self._spent)

    def _spent(
        self,
        *,
        project: str,
        key: str | None,
        user: str | None,
        tags: Mapping[str, str],
        tokens: int,
        cost: int | None,
    ) -> Sequence[tuple[str, int]]:
        limiter = self._publication.catalog.limiter if self._publication.ready else None
        if limiter is None:
            return []
        return limiter.spent(project=project, key=key, user=user, tags=tags, tokens=tokens, cost=cost)


def open_answers(
    redis: RedisSettings | None, settings: GatewaySettings, *, clock: Clock, tasks: asyncio.TaskGroup
) -> AnswerCache:
    """Where answers are kept: with Redis all workers share them.

    Raises:
        MissingExtra: Redis is configured and its package is not installed.
    """
    if redis is None:
        return MemoryAnswers(budget=settings.cache_bytes, clock=clock)
    from penstock.store.answers.redis import RedisAnswers  # noqa: PLC0415 - an extra

    return RedisAnswers(resolved(redis), budget=settings.cache_bytes, clock=clock, tasks=tasks)


def resolved(settings: RedisSettings) -> RedisSettings:
    """With the address itself in place of a reference to it."""
    if not settings.url.startswith(REFERENCES):
        return settings
    return msgspec.structs.replace(settings, url=resolve_secret(settings.url))


class Folding:
    """Counts what workers booked that died, before the console takes in their last segments."""

    def __init__(self, home: Home, *, clock: Clock) -> None:
        self._home = home
        self._clock = clock

    def fold(self, segment: str, data: bytes) -> None:
        """See `SpendLog.fold`. Raises `OSError` when the log cannot be written; the segment is not sealed then."""
        try:
            snapshot = decode_snapshot(self._home.snapshot.read_bytes())
        except (OSError, CorruptData):
            # Without a snapshot there are no limits that anything could count for.
            return
        if snapshot.limits:
            salt = bytes.fromhex(snapshot.user_salt)[:MAX_SALT]
            log = SpendLog(self._home, Ledger(), worker=f"console-{os.getpid()}", clock=self._clock)
            try:
                log.fold(segment, data, Limiter(snapshot.limits, salt=salt).spent)
            finally:
                log.close()


class SpentFile:
    """What this worker's memory counts of money, in a file, and corrections to it, from another.

    Args:
        home: Where both lie, beside the worker's report.
        worker: Names them.
        counters: This worker's.
        clock: Time of the report.
    """

    def __init__(self, home: Home, worker: str, counters: MemoryCounters, *, clock: Clock) -> None:
        self._worker = worker
        self._path = home.workers / f"{worker}.spent"
        self._corrections = home.workers / f"{worker}.correct"
        self._counters = counters
        self._clock = clock
        self._taken = ""
        self._due = 0.0

    def tick(self) -> None:
        """Take up a correction when there is one; write the report when it is due."""
        took = self._take()
        now = self._clock.monotonic()
        if not took and now < self._due:
            return
        self._due = now + self._counters.size // CHEAP
        spent, truncated = self._counters.spent(MOST_SPENT)
        report = SpentReport(
            worker=self._worker, at=self._clock.now(), taken=self._taken, spent=tuple(spent), truncated=truncated
        )
        fresh = self._path.with_suffix(".spent-new")
        fresh.write_bytes(msgspec.json.encode(report))
        fresh.replace(self._path)

    def close(self) -> None:
        """This worker is gone."""
        for path in (self._path, self._corrections):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _take(self) -> bool:
        try:
            data = self._corrections.read_bytes()
        except FileNotFoundError:
            return False
        self._corrections.unlink(missing_ok=True)
        try:
            correction = msgspec.json.decode(data, type=Correction)
            taken = self._counters.correct(correction.entries)
        except (msgspec.MsgspecError, ValueError, PenstockError) as error:
            logger.error("a correction of budgets is not taken up, because it is not readable: %s", error)  # noqa: TRY400 - the error tells all
            return False
        self._taken = correction.id
        logger.warning("a reconciliation put %d budgets right", taken)
        return True


class Reporter:
    """Writes what this worker does into one file of the home, once a second."""

    def __init__(  # noqa: PLR0913 - each is reported on
        self,
        home: Home,
        *,
        publication: Publication,
        journal: JournalWriter,
        health: Health,
        counters: Counters,
        cache: AnswerCache,
        tally: Tally,
        listener: Listener,
        meter: Meter,
        clock: Clock,
    ) -> None:
        self._meter = meter
        self._path = home.workers / f"{journal.worker}.json"
        self._publication = publication
        self._journal = journal
        self._health = health
        self._counters = counters
        self._cache = cache
        self._tally = tally
        self._listener = listener
        self._clock = clock
        self._started = clock.now()
        self._due = 0.0
        self._spent = (
            SpentFile(home, journal.worker, counters, clock=clock) if isinstance(counters, MemoryCounters) else None
        )

    def tick(self) -> None:
        """Write the report when it is due."""
        now = self._clock.monotonic()
        if now >= self._due:
            self._due = now + REPORT_SECONDS
            self.write()
            if self._spent is not None:
                self._spent.tick()

    def write(self) -> None:
        fresh = self._path.with_suffix(".new")
        # No fsync: it is worth nothing once this process is gone.
        fresh.write_bytes(msgspec.json.encode(self._report()))
        fresh.replace(self._path)
        self.write_metrics()

    def write_metrics(self) -> None:
        """What this worker has counted, for whichever is scraped."""
        path = self._path.with_suffix(".metrics")
        fresh = path.with_suffix(".metrics.new")
        fresh.write_bytes(msgspec.json.encode(self._meter.report(self._journal.worker, self._clock.now())))
        fresh.replace(path)

    def close(self) -> None:
        """This worker is gone."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(".metrics").unlink(missing_ok=True)
        if self._spent is not None:
            self._spent.close()

    def _report(self) -> WorkerReport:
        publication = self._publication
        return WorkerReport(
            worker=self._journal.worker,
            pid=os.getpid(),
            program=penstock.__version__,
            started=self._started,
            at=self._clock.now(),
            state="draining" if self._listener.draining else "serving",
            snapshot=publication.catalog.snapshot.version if publication.ready else 0,
            problem=publication.problem,
            in_flight=self._listener.in_flight,
            calls=self._listener.served,
            recorded=self._journal.recorded,
            lost=self._journal.lost,
            counters=self._counters.state,
            targets=self._health.reports(asyncio.get_running_loop().time()),
            cache=self._tally.report(self._cache),
        )
