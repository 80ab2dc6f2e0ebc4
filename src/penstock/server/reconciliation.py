"""Counters of budgets against the records (FAILURES G5), and how they are put right."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.files import replace_file
from penstock.core.home import Home
from penstock.core.ids import Ids
from penstock.finops.ports import KeyNames, SpendStore
from penstock.finops.service import SpendService
from penstock.finops.spend import Names, area_of, counter_of, grouped, who_of
from penstock.finops.types import Mismatch, Reconciliation
from penstock.gateway.catalog import MAX_SALT
from penstock.gateway.limits.claims import Limiter
from penstock.registry.service import RegistryService
from penstock.server.gateway_state import resolved
from penstock.server.user_hash import user_hash
from penstock.store.counters.ledger import Entry, Ledger
from penstock.store.counters.replay import Spent, spend_of
from penstock.store.counters.spendlog import SpendLog, is_living
from penstock.store.counters.windows import bounds, kind_of
from penstock.store.spans.open import ConfiguredSpanStore
from penstock.store.spans.queries.spend import Area
from penstock.wire.limits import Budget, LimitEntry, RedisSettings, counter_scope
from penstock.wire.snapshot import Snapshot
from penstock.wire.status import Correction, SpentReport, WorkerReport

if TYPE_CHECKING:
    from penstock.store.counters.redis import RedisCounters

__all__ = ["BudgetReconciler", "spend_service", "user_hash"]

STALE = 5_000_000
"""Microseconds after which a report is of a worker that is gone, or stuck."""
ROUNDS = 5
"""Looks at what moves, at most."""
PAUSE_SECONDS = 1.2
"""Between two looks: a worker reports once a second."""
REDIS_SECONDS = 5.0
Source = Literal["redis", "worker", "log"]

_decode_report = msgspec.json.Decoder(WorkerReport).decode
_decode_spent = msgspec.json.Decoder(SpentReport).decode


class _Place(msgspec.Struct, frozen=True):
    """One budget, and what it counts in its current window."""

    entry: LimitEntry
    budget: Budget
    area: Area


class _Counter(msgspec.Struct, frozen=True):
    entry: LimitEntry
    budget: Budget
    area: Area
    who: str


class _Look(msgspec.Struct, frozen=True):
    """Counters and records, as of one moment near enough."""

    at: int
    counters: dict[str, _Counter]
    counted: Mapping[str, int]
    recorded: Mapping[str, int]
    source: Source
    truncated: bool
    workers: tuple[str, ...]
    """Those that count in their own memory."""

    def difference(self, counter: str) -> int:
        return self.counted.get(counter, 0) - self.recorded.get(counter, 0)


def spend_service(spans: SpendStore, registry: RegistryService, *, key_names: KeyNames, clock: Clock) -> SpendService:
    """What limits have used, by what the registry publishes."""
    return SpendService(
        spans,
        snapshot=lambda: registry.snapshot,
        reports=lambda: [worker for worker in registry.workers() if not worker.stale],
        key_names=key_names,
        user_hash=lambda user: user_hash(registry.snapshot, user),
        clock=clock,
    )


class BudgetReconciler:
    """Compares what the gateway counts with what is recorded. Methods block; call from a thread.

    While calls are in flight a counter and its records meet only when the call is over and its record is written,
    so a difference counts as one only when it stays the same over two looks.

    Args:
        home: Where the journal, the reports and `spend.log` lie.
        spans: The store of the records.
        snapshot: Gives what is published.
        key_names: Names of keys.
        clock: Tells the current windows.
        ids: Names corrections.
        pause: Waits between two looks, seconds.
    """

    def __init__(
        self,
        home: Home,
        spans: ConfiguredSpanStore,
        *,
        snapshot: Callable[[], Snapshot],
        key_names: KeyNames,
        clock: Clock,
        ids: Ids,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._home = home
        self._spans = spans
        self._snapshot = snapshot
        self._key_names = key_names
        self._clock = clock
        self._ids = ids
        self._pause = pause

    def reconcile(self, *, fix: bool) -> Reconciliation:
        """Look; with `fix`, put right what differs, and look again.

        Raises:
            Unavailable: counters or records cannot be read.
        """
        snapshot = self._snapshot()
        look, moving = self._settled(snapshot)
        differing = {
            counter: -look.difference(counter)
            for counter in look.counters
            if look.difference(counter) and counter not in moving
        }
        fixed, unfixable = 0, None
        if fix and differing:
            unfixable = self._fix(snapshot, look, differing)
            if unfixable is None:
                fixed = len(differing)
                look, moving = self._settled(snapshot)
        return self._report(snapshot, look, moving, fixed=fixed, unfixable=unfixable)

    def _settled(self, snapshot: Snapshot) -> tuple[_Look, set[str]]:
        """The latest look, and the counters whose difference changed between the last two."""
        look = self._look(snapshot)
        moving: set[str] = set()
        for _ in range(ROUNDS):
            if not any(look.difference(counter) for counter in look.counters):
                return look, set()
            self._pause(PAUSE_SECONDS)
            before, look = look, self._look(snapshot)
            moving = {
                counter
                for counter in look.counters
                if look.difference(counter) and look.difference(counter) != before.difference(counter)
            }
            if not moving:
                break
        return look, moving

    def _report(
        self, snapshot: Snapshot, look: _Look, moving: Collection[str], *, fixed: int, unfixable: str | None
    ) -> Reconciliation:
        projects = {one.id: one.name for one in snapshot.projects.values()}
        keys: dict[str, str] = {}
        for project in projects:
            keys |= self._key_names(project)
        names = Names(projects, lambda: keys)
        items = [
            Mismatch(
                counter=counter,
                limit=of.entry.name,
                who=who_of(of.area, of.who, names),
                window=of.budget.window,
                start=of.area.from_,
                counted=look.counted.get(counter, 0),
                recorded=look.recorded.get(counter, 0),
                difference=look.difference(counter),
                state="moving" if counter in moving else "differs" if look.difference(counter) else "equal",
            )
            for counter, of in look.counters.items()
        ]
        return Reconciliation(
            at=look.at,
            source=look.source,
            items=sorted(items, key=lambda item: (-abs(item.difference), item.counter)),
            equal=not any(item.difference for item in items),
            settled=not moving,
            truncated=look.truncated,
            fixed=fixed,
            unfixable=unfixable,
        )

    # Looking

    def _look(self, snapshot: Snapshot) -> _Look:
        at = self._clock.now()
        spent = Limiter(snapshot.limits, salt=_salt(snapshot)).spent
        places = _places(snapshot, at)
        reports = [] if snapshot.redis is not None else self._spent_reports(at)
        recorded = self._recorded(places, spent, at)
        booked = self._booked(spent, at) if len(reports) != 1 else {}
        if snapshot.redis is not None:
            known = [counter for counter in {*recorded, *booked} if _identified(counter, places)]
            counted = asyncio.run(self._read_redis(snapshot.redis, spent, known))
        elif len(reports) == 1:
            counted = _current(reports[0].spent, at)
        else:
            counted = booked
        truncated = len(reports) == 1 and reports[0].truncated
        names = counted if truncated else {*recorded, *counted}
        found = ((counter, _identified(counter, places)) for counter in names)
        return _Look(
            at=at,
            counters={counter: of for counter, of in found if of is not None},
            counted=counted,
            recorded=recorded,
            source="redis" if snapshot.redis is not None else "worker" if len(reports) == 1 else "log",
            truncated=truncated,
            workers=tuple(report.worker for report in reports),
        )

    def _recorded(self, places: Sequence[_Place], spent: Spent, at: int) -> dict[str, int]:
        """Costs of the current windows by counter: of the store, and of segments that it has not taken in.

        Segments are read first: one that is stored meanwhile is named by the store, and counted there.
        """
        waiting = {name: _current_of(spend_of(data, spent), at) for name, data in self._segments()}
        costs, stored = self._spans.recorded([place.area for place in places], segments=list(waiting))
        total: defaultdict[str, int] = defaultdict(int)
        for place, by_who in zip(places, costs, strict=True):
            for who, cost in by_who.items():
                counter = counter_of(place.entry, place.area, who, measure="money", window=place.budget.window)
                total[counter] += cost
        for name, amounts in waiting.items():
            if name not in stored:
                for counter, amount in amounts.items():
                    total[counter] += amount
        return dict(total)

    def _segments(self) -> Iterator[tuple[str, bytes]]:
        """Segments in the journal's folder, one at a time: name, and what is in it so far."""
        paths = {
            path.stem: path for suffix in ("open", "ndjson") for path in self._home.journal.glob(f"*-*-*.{suffix}")
        }
        for name, path in sorted(paths.items()):
            for suffix in (path.suffix, ".ndjson"):
                try:
                    yield name, path.with_suffix(suffix).read_bytes()
                except FileNotFoundError:
                    # Sealed, or stored and removed, a moment ago.
                    continue
                break
            else:
                yield name, b""

    def _booked(self, spent: Spent, at: int) -> dict[str, int]:
        """What the log says that the next worker begins with."""
        log = SpendLog(self._home, Ledger(), worker=self._ids.span_id(), clock=self._clock)
        try:
            return _current_of(log.restore(spent), at)
        except OSError as error:
            raise Unavailable(f"The log of what budgets have used cannot be read: {error.strerror}.") from error
        finally:
            log.close()

    def _spent_reports(self, at: int) -> list[SpentReport]:
        """What living workers that count in their memory say."""
        found: list[SpentReport] = []
        for path in self._home.workers.glob("*.spent"):
            with suppress(OSError, msgspec.MsgspecError):
                report = _decode_spent(path.read_bytes())
                alive = _decode_report(path.with_suffix(".json").read_bytes())
                # A worker that was killed leaves its files.
                if at - alive.at <= STALE and alive.state == "serving" and is_living(self._home, report.worker):
                    found.append(report)
        return found

    async def _read_redis(self, settings: RedisSettings, spent: Spent, counters: Sequence[str]) -> dict[str, int]:
        async with self._redis(settings, spent, Ledger()) as redis:
            return await redis.read(counters)

    @asynccontextmanager
    async def _redis(self, settings: RedisSettings, spent: Spent, ledger: Ledger) -> "AsyncGenerator[RedisCounters]":
        """The shared counters, joined as a worker that takes no calls.

        Raises:
            Unavailable: they cannot be reached within a few seconds.
        """
        from penstock.store.counters.redis import RedisCounters  # noqa: PLC0415 - an extra

        log = SpendLog(self._home, ledger, worker=self._ids.span_id(), clock=self._clock)

        async def gone() -> Mapping[str, int]:
            return await asyncio.to_thread(log.gone, spent)

        try:
            async with asyncio.TaskGroup() as tasks:
                redis = RedisCounters(
                    resolved(settings),
                    clock=self._clock,
                    ids=self._ids,
                    ledger=ledger,
                    worker=self._ids.span_id(),
                    tasks=tasks,
                    on_fresh=gone,
                )
                try:
                    async with asyncio.timeout(REDIS_SECONDS):
                        await redis.ready()
                    yield redis
                except TimeoutError:
                    raise Unavailable(
                        f"Redis did not answer within {REDIS_SECONDS:.0f} seconds.",
                        hint="See that Redis runs and can be reached from here.",
                        code="limits_unavailable",
                    ) from None
                finally:
                    await redis.close()
        except* PenstockError as group:
            raise _first(group) from None
        finally:
            log.close()

    # Putting right

    def _fix(self, snapshot: Snapshot, look: _Look, additions: Mapping[str, int]) -> str | None:
        """Add to counters what they lack; why not, when it cannot be done."""
        if look.source == "redis" and snapshot.redis is not None:
            asyncio.run(
                self._set_redis(snapshot.redis, Limiter(snapshot.limits, salt=_salt(snapshot)).spent, additions)
            )
            return None
        entries = [(counter, look.counters[counter].area.from_, amount) for counter, amount in additions.items()]
        if look.source == "log" and not look.workers:
            ledger = Ledger()
            for entry in entries:
                ledger.book(*entry)
            self._append(ledger)
            return None
        if look.source == "log":
            return (
                f"{len(look.workers)} workers count each in its own memory, and no counter can equal the records. "
                "Configure redis, or run one worker."
            )
        return self._correct(look.workers[0], entries)

    async def _set_redis(self, settings: RedisSettings, spent: Spent, additions: Mapping[str, int]) -> None:
        ledger = Ledger()
        async with self._redis(settings, spent, ledger) as redis:
            # On top of what is booked at this moment, not of what was when the difference was found.
            now = await redis.read(additions)
            await redis.set({counter: now[counter] + amount for counter, amount in additions.items()})
        self._append(ledger)

    def _append(self, ledger: Ledger) -> None:
        """Keep a correction, for a worker that starts and for a Redis that loses its data."""
        worker = self._ids.span_id()
        log = SpendLog(self._home, ledger, worker=worker, clock=self._clock)
        try:
            log.write(f"{self._clock.now():016x}-{worker}-{1:08x}", log.snapshot_changes())
        except OSError as error:
            raise Unavailable(f"The correction cannot be written: {error.strerror}.") from error
        finally:
            log.close()

    def _correct(self, worker: str, entries: Sequence[Entry]) -> str | None:
        """Ask the worker that counts in its memory to add to its counters."""
        correction = Correction(id=self._ids.uuid7(), entries=tuple(entries))
        path = self._home.workers / f"{worker}.correct"
        try:
            replace_file(path, msgspec.json.encode(correction))
        except OSError as error:
            raise Unavailable(f"The correction cannot be written: {error.strerror}.") from error
        for _ in range(ROUNDS):
            self._pause(PAUSE_SECONDS)
            if any(report.taken == correction.id for report in self._spent_reports(self._clock.now())):
                return None
        path.unlink(missing_ok=True)
        return "The worker that counts did not take the correction up. Look at its log, and try again."


def _salt(snapshot: Snapshot) -> bytes:
    return bytes.fromhex(snapshot.user_salt)[:MAX_SALT]


def _places(snapshot: Snapshot, at: int) -> list[_Place]:
    """Every budget, and what of the records it counts in its current window."""
    places: list[_Place] = []
    for entries in grouped([entry for entry in snapshot.limits if entry.budgets]):
        for budget in entries[0].budgets:
            start, end = bounds(budget.window, at)
            area = area_of(entries, from_=start, to=end, user_hash=partial(user_hash, snapshot))
            places.append(_Place(entries[0], budget, area))
    return places


def _identified(counter: str, places: Iterable[_Place]) -> _Counter | None:
    """Which budget a counter is of; None when it is of none that holds."""
    for place in places:
        scope, end = f"{counter_scope(place.entry)}/", f"/money/{place.budget.window}"
        if not (counter.startswith(scope) and counter.endswith(end)):
            continue
        whose, area = counter[len(scope) : -len(end)], place.area
        if area.level == "organisation":
            who, fits = "", whose == "organisation"
        else:
            head = f"{area.level}:{area.tag}=" if area.level == "tag" else f"{area.level}:"
            who, fits = whose.removeprefix(head), whose.startswith(head)
        if fits and (not area.match or who in area.match):
            return _Counter(place.entry, place.budget, area, who)
    return None


def _current(entries: Iterable[Entry], at: int) -> dict[str, int]:
    """Money of the current windows, by counter."""
    found: dict[str, int] = {}
    for counter, start, amount in entries:
        measure, window = kind_of(counter)
        if measure == "money" and start == bounds(window, at)[0]:
            found[counter] = found.get(counter, 0) + amount
    return found


def _current_of(amounts: Mapping[tuple[str, int], int], at: int) -> dict[str, int]:
    return _current(((counter, start, amount) for (counter, start), amount in amounts.items()), at)


def _first(group: BaseExceptionGroup[PenstockError]) -> PenstockError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
