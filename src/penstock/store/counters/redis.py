"""Counters in Redis or Valkey, for many workers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from penstock.core.clock import Clock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.ids import Ids
from penstock.store.counters.encoding import Ask, Booking, answer_of, book, booking, buckets
from penstock.store.counters.ledger import Ledger, is_durable
from penstock.store.counters.link import Link, Lost, Script
from penstock.store.counters.memory import only_money
from penstock.store.counters.returns import MAX_BATCH, Returns
from penstock.store.counters.scripts import BOOK, JOIN, READ, SET, TURN
from penstock.store.counters.windows import kind_of, sliding
from penstock.wire.limits import Claim, Grant, RedisSettings

__all__ = ["RedisCounters"]

logger = logging.getLogger(__name__)

_TURN, _JOIN, _BOOK, _READ, _SET = (Script(source) for source in (TURN, JOIN, BOOK, READ, SET))

LANES = 2
"""Batches on the way at a time. What comes meanwhile waits and travels together."""
SETTLE_SECONDS = 0.005
"""How long returns wait for a borrow to travel with: a step of their own costs as much as a borrow."""
FEW = 8
"""Calls like this one that still fit, below which what it borrowed is handed back at once."""
IDLE_SECONDS = 1.0
"""After so long without a call Redis is asked all the same, so that its loss is known before the next call."""
SEED_SECONDS = 10.0
"""Time limit of the few large steps after a loss of data."""
BACKOFF = (0.05, 2.0)

FORGOT = "it has lost its data"

OnFresh = Callable[[], Awaitable[Mapping[str, int]]]


class _Ticket:
    __slots__ = ("at", "claims", "counted", "lease", "scarce")

    def __init__(self, claims: Sequence[Claim], at: int, lease: float) -> None:
        self.claims = claims
        self.at = at
        self.lease = lease
        self.counted = True
        self.scarce = False
        """Others may be refused until it is back."""


class RedisCounters:
    """Limits and budgets of all workers that share a Redis.

    A borrow is one round trip; all borrows and returns of one turn of the event loop share it. While Redis
    cannot be reached calls are refused or served by `on_lost`, at once, and it is tried again behind them.
    What was booked meanwhile is handed in when it is back, once.

    A Redis that has lost its data gets a new epoch: `on_fresh` tells what workers booked that live no more,
    each living worker adds what it booked itself, once, and only then are calls admitted.

    Args:
        settings: `url` is the address itself, no reference to a secret.
        clock: Time of windows and leases; workers' clocks may differ by a second.
        ids: Names epochs.
        ledger: What this worker books; the part that it adds to a new epoch.
        worker: This process's name among the workers, fresh for each start.
        tasks: Where the tasks of this object run; they end with `close`.
        on_fresh: Money and tokens per day of the current windows, by counter, without the living workers'
            own (`SpendLog.gone`). Its errors count as Redis being away.

    Raises:
        MissingExtra: the package `redis` is not installed.
        InvalidInput: `settings.url` is not an address of Redis.
    """

    def __init__(
        self,
        settings: RedisSettings,
        *,
        clock: Clock,
        ids: Ids,
        ledger: Ledger,
        worker: str,
        tasks: asyncio.TaskGroup,
        on_fresh: OnFresh,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._ledger = ledger
        self._worker = worker
        self._tasks = tasks
        self._on_fresh = on_fresh
        self._loop = asyncio.get_running_loop()
        self._link = Link(settings.url, prefix=settings.prefix)
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._joining = False
        self._worked = True
        self._delay = BACKOFF[0]
        self._epoch = ""
        self._replace = ""
        self._turns = 0
        self._own: tuple[str, list[object]] = ("", [])
        self._tickets: dict[str, _Ticket] = {}
        self._asks: list[Ask] = []
        self._returns = Returns()
        self._settling = False
        self._lanes = 0
        self._idle = asyncio.Event()
        self._wake: asyncio.TimerHandle | None = None
        self._latest = clock.monotonic()
        self._join_soon()

    @property
    def state(self) -> Literal["memory", "redis", "lost"]:
        return "redis" if self._ready.is_set() else "lost"

    @property
    def out(self) -> int:
        """Tickets not given back."""
        return len(self._tickets)

    async def ready(self) -> None:
        """Return when Redis is there and holds what it must. A start waits for it, with a time limit of its own."""
        await self._ready.wait()

    async def borrow(self, ticket: str, claims: Sequence[Claim], *, lease: float, at: int | None = None) -> Grant:
        """See `Counters.borrow`."""
        if not claims:
            return Grant(claims=())
        held = _Ticket(claims, self._clock.now() if at is None else at, lease)
        grant = await self._ask(Ask(ticket, claims, lease, extends=False))
        if grant is None:
            grant = self._unreachable(claims)
            held.counted = False
        if grant.refused is None:
            held.scarce = any(
                left is not None and left < FEW * claim.amount
                for claim, left in zip(claims, grant.remaining, strict=False)
                if claim.measure != "requests"
            )
            self._tickets[ticket] = held
        return grant

    async def extend(self, ticket: str, claims: Sequence[Claim]) -> Grant:
        """See `Counters.extend`."""
        held = self._tickets.get(ticket)
        if held is None or not held.counted:
            return Grant(claims=tuple(claims), counted=False)
        grant = await self._ask(Ask(ticket, claims, held.lease, extends=True))
        return self._unreachable(claims) if grant is None else grant

    def give_back(self, ticket: str, amounts: Sequence[int]) -> None:
        """See `Counters.give_back`."""
        held = self._tickets.pop(ticket, None)
        if held is None:
            return
        bookings: list[Booking] = []
        for index, claim in enumerate(held.claims):
            amount = amounts[index] if index < len(amounts) else 0
            if claim.measure == "requests" and not held.counted:
                amount = claim.amount
            elif claim.measure not in ("tokens", "money"):
                continue
            if not amount:
                continue
            one = booking(claim.counter, claim.window, held.at, amount)
            bookings.append(one)
            if is_durable(claim.measure, claim.window):
                self._ledger.book(one.counter, one.start, amount)
        if held.counted:
            self._returns.add(ticket, bookings, self._clock.now())
            if held.scarce:
                self._loop.call_soon(self._flush)
            else:
                self._flush_soon()
        else:
            self._returns.keep(bookings)

    async def read(self, counters: Iterable[str]) -> dict[str, int]:
        """See `Counters.read`."""
        names = list(counters)
        now = self._clock.now()
        keys, shapes = buckets(names, now)
        found = await self._must(_READ, keys)
        amounts: dict[str, int] = {}
        for name, (place, start, width) in zip(names, shapes, strict=True):
            measure = kind_of(name)[0]
            if measure == "parallel":
                amounts[name] = found[2 * place + 1]
            elif measure == "money":
                amounts[name] = found[2 * place]
            else:
                amounts[name] = sliding(found[2 * place], found[2 * place + 2], now - start, width)
        return amounts

    async def set(self, values: Mapping[str, int]) -> None:
        """See `Counters.set`."""
        only_money(values)
        now = self._clock.now()
        bookings = [booking(name, kind_of(name)[1], now, value) for name, value in values.items()]
        before = await self._must(_SET, book(bookings, now))
        for one, old in zip(bookings, before, strict=True):
            self._ledger.book(one.counter, one.start, one.amount - old)

    def tick(self) -> None:
        """Hand in what waits; see that Redis is there when nobody asks."""
        self._ledger.prune(self._clock.now())
        if not self._ready.is_set():
            return
        self._returns.hand_in(self._clock.now())
        if self._returns.waiting or self._clock.monotonic() - self._latest >= IDLE_SECONDS:
            self._flush(idle=True)

    def configure(self, settings: RedisSettings | None) -> None:
        """Take another policy, time limit, or Redis. A new one is joined as one that has lost its data.

        Raises:
            InvalidInput: `settings.url` is not an address of Redis; nothing has changed.
        """
        if settings is None or settings == self._settings:
            return
        moved = (settings.url, settings.prefix) != (self._settings.url, self._settings.prefix)
        if moved:
            link, self._link = self._link, Link(settings.url, prefix=settings.prefix)
            self._tasks.create_task(link.close())
            self._epoch = self._replace = ""
            self._lose("the configuration names another")
        self._settings = settings

    async def drained(self) -> None:
        """Return when all that was given back is counted, or Redis is away."""
        while self._ready.is_set() and (self._lanes or self._returns):
            self._returns.hand_in(self._clock.now())
            self._idle.clear()
            self._flush()
            await self._idle.wait()

    async def close(self) -> None:
        """Hand in what was given back, as far as Redis is there, and end."""
        self._closing.set()
        await self.drained()
        if self._returns:
            logger.error(
                "Redis is away at exit: %d returns are not counted there; the records have them", len(self._returns)
            )
        for ask in self._asks:
            ask.answer(None)
        self._asks.clear()
        if self._wake is not None:
            self._wake.cancel()
        await self._link.close()

    # ---- Batches ----

    async def _ask(self, ask: Ask) -> Grant | None:
        """The grant; None when Redis is away."""
        if not self._ready.is_set() or self._closing.is_set():
            return None
        self._asks.append(ask)
        if len(self._asks) == 1 and self._lanes < LANES:
            self._loop.call_soon(self._flush)
        try:
            return await ask.future
        except asyncio.CancelledError:
            # The answer may have come in this very turn. One that comes still is seen to in `_turn`.
            if not ask.future.cancelled() and not ask.extends:
                self._release(ask.ticket)
            raise

    def _release(self, ticket: str) -> None:
        self._returns.add(ticket, (), self._clock.now())
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._wake is None and not self._closing.is_set():
            self._wake = self._loop.call_later(SETTLE_SECONDS, self._flush)

    def _flush(self, *, idle: bool = False) -> None:
        """Send what waits, as far as lanes are free."""
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        while self._ready.is_set() and self._lanes < LANES:
            waits = not self._settling and self._returns.waiting
            if not self._asks and not waits and not idle:
                return
            idle = False
            asks, self._asks = self._asks[:MAX_BATCH], self._asks[MAX_BATCH:]
            self._lanes += 1
            # Marked here, not by the task: before that runs, this loop would send the returns once more.
            self._settling = self._settling or waits
            self._tasks.create_task(self._turn(asks, settles=waits))

    async def _turn(self, asks: list[Ask], *, settles: bool) -> None:
        number, batch = 0, []
        if settles:
            number, batch = self._returns.batch()
        epoch, now = self._epoch, self._clock.now()
        self._latest = self._clock.monotonic()
        live = [ask for ask in asks if not ask.future.done()]
        try:
            turns, used_now, answers = await self._link.run(
                _TURN,
                epoch,
                self._turns,
                now,
                self._worker,
                number,
                [ask.encoded(now) for ask in live],
                batch,
                timeout=self._settings.timeout,
            )
        except Lost as error:
            self._failed(live, epoch, str(error))
        else:
            if turns < 0:
                self._replace = epoch
                self._failed(live, epoch, FORGOT)
            else:
                self._turns = max(self._turns, turns)
                self._worked = True
                for ask, answer in zip(live, answers, strict=True):
                    if not ask.future.cancelled():
                        ask.answer(answer_of(ask.claims, answer, used_now))
                    elif not ask.extends:
                        self._release(ask.ticket)
                if epoch == self._epoch:
                    self._returns.taken(number)
        finally:
            self._lanes -= 1
            if settles:
                self._settling = False
            self._go_on()
            self._idle.set()

    def _go_on(self) -> None:
        """Send what has come while a step was on the way; returns alone may wait for a borrow."""
        if self._asks:
            self._flush()
        elif self._returns.waiting:
            self._flush_soon()

    def _failed(self, asks: list[Ask], epoch: str, reason: str) -> None:
        for ask in asks:
            if not ask.extends:
                # It may have been lent all the same.
                self._returns.add(ask.ticket, (), self._clock.now())
            ask.answer(None)
        if epoch == self._epoch:
            self._lose(reason)

    async def _must(self, script: Script, *arguments: object) -> Any:
        if self._ready.is_set():
            try:
                answer = await self._link.run(script, self._epoch, *arguments, timeout=self._settings.timeout)
            except Lost as error:
                self._lose(str(error))
            else:
                if answer:
                    return answer[1:]
                self._lose(FORGOT)
        raise _unavailable()

    # ---- Away, and back ----

    def _unreachable(self, claims: Sequence[Claim]) -> Grant:
        """What policy says while Redis is away. What is only counted limits nobody."""
        if self._settings.on_lost == "open" or all(claim.hard is None for claim in claims):
            return Grant(claims=tuple(claims), counted=False)
        raise _unavailable()

    def _lose(self, reason: str) -> None:
        if self._ready.is_set():
            self._ready.clear()
            logger.error("Redis is lost (%s): limited calls are %s", reason, _policy(self._settings))
            for ask in self._asks:
                ask.answer(None)
            self._asks.clear()
        self._join_soon()

    def _join_soon(self) -> None:
        if not self._joining and not self._closing.is_set():
            self._joining = True
            self._tasks.create_task(self._join_until_ready())

    async def _join_until_ready(self) -> None:
        # The first try is at once, unless nothing has worked since the last time.
        delay = BACKOFF[0] if self._worked else self._delay
        reason = ""
        try:
            while self._worked or not await self._closed_within(delay):
                self._worked = False
                try:
                    if await self._join():
                        logger.info("Redis holds the limits")
                        return
                except Lost as error:
                    if str(error) != reason:
                        reason = str(error)
                        logger.warning("Redis cannot be reached yet: %s", reason)
                delay = min(2 * delay, BACKOFF[1])
        finally:
            self._joining = False
            self._delay = min(2 * delay, BACKOFF[1])
            if self._ready.is_set():
                self._returns.hand_in(self._clock.now())
                self._flush()

    async def _closed_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _join(self) -> bool:
        """Take part in the present epoch, or begin one; False to try again soon.

        Raises:
            Lost: Redis does not answer.
        """
        link, seconds = self._link, self._settings.timeout
        fresh = self._ids.uuid7()
        epoch, seeded, turns = await link.run(_JOIN, self._replace, fresh, self._worker, timeout=seconds)
        self._replace = ""
        if epoch == self._epoch and turns <= self._turns:
            self._replace = epoch
            return False
        if seeded == 0:
            # Another worker is at it.
            return False
        if seeded == 2:
            await self._seed(link, epoch)
        if epoch != self._epoch:
            await self._contribute(link, epoch)
        if link is not self._link:
            return False
        self._epoch, self._turns = epoch, turns
        self._ready.set()
        return True

    async def _seed(self, link: Link, epoch: str) -> None:
        now = self._clock.now()
        try:
            values = await self._on_fresh()
        except (OSError, PenstockError) as error:
            raise Lost(f"what earlier workers booked cannot be read: {error}") from error
        bookings = [booking(name, kind_of(name)[1], now, amount) for name, amount in values.items()]
        await link.run(_BOOK, epoch, "seeded", book(bookings, now), timeout=SEED_SECONDS)
        logger.log(
            logging.WARNING if values else logging.INFO,
            "Redis held no limits: %d counters of earlier workers are restored",
            len(values),
        )

    async def _contribute(self, link: Link, epoch: str) -> None:
        """Add what this worker booked, once. What it books from here on goes the usual way."""
        if self._own[0] != epoch:
            now = self._clock.now()
            entries = [Booking(*entry) for entry in self._ledger.entries(now)]
            # All that waits is in the ledger, or was lost with the data that it belonged to.
            self._returns.clear()
            self._own = (epoch, book(entries, now))
        await link.run(_BOOK, epoch, f"from:{self._worker}", self._own[1], timeout=SEED_SECONDS)


def _policy(settings: RedisSettings) -> str:
    return "served uncounted until it is back" if settings.on_lost == "open" else "refused until it is back"


def _unavailable() -> Unavailable:
    return Unavailable(
        "The counters of limits cannot be reached, and limited calls are not served without them.",
        hint="See that Redis runs and can be reached; or set redis.on_lost: open.",
        code="limits_unavailable",
    )
