"""Counters in the memory of one process."""

import heapq
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput
from penstock.store.counters.grants import Reading, fits, granted, refused
from penstock.store.counters.ledger import Entry, Ledger, is_durable
from penstock.store.counters.windows import bounds, kind_of, sliding
from penstock.wire.limits import Claim, Grant, RedisSettings

__all__ = ["MemoryCounters"]

logger = logging.getLogger(__name__)

MAX_COUNTERS = 250_000
"""About 100 MB. Beyond it the least used are forgotten, loudly."""
SWEEP = 2_000
"""Counters looked at in one tick, to drop those whose windows are over."""
LEASE_CHECK_SECONDS = 1.0


class _Counter:
    """One counter: a sliding pair of buckets, a calendar window of money, or slots."""

    __slots__ = ("booked", "borrowed", "durable", "end", "id", "money", "previous", "slides", "start", "window")

    def __init__(self, counter: str, measure: str, window: str, now: int) -> None:
        self.id = counter
        self.money = measure == "money"
        self.slides = measure in ("requests", "tokens")
        self.durable = is_durable(measure, window)
        self.window = window
        self.start, self.end = bounds(window, now)
        self.booked = 0
        """In the current window or bucket; of a sliding counter with the estimates of calls in flight."""
        self.borrowed = 0
        """Money and slots of calls in flight."""
        self.previous = 0
        """In the bucket before; sliding counters only."""

    def roll(self, now: int) -> None:
        """Begin the window that `now` lies in."""
        follows = self.end
        self.start, self.end = bounds(self.window, now)
        self.previous = self.booked if self.slides and self.start == follows else 0
        self.booked = self.borrowed = 0

    def used(self, now: int) -> int:
        if self.slides:
            return sliding(self.booked, self.previous, max(0, now - self.start), self.end - self.start)
        return self.booked + self.borrowed

    def reading(self) -> Reading:
        if self.slides:
            return self.booked, self.previous, self.start, self.end
        return self.booked + self.borrowed, self.booked, self.start, self.end

    def add(self, start: int, amount: int) -> None:
        """Add to the bucket or window that began at `start`, if it still counts."""
        if start == self.start:
            self.booked += amount
        elif self.slides and start + (self.end - self.start) == self.start:
            self.previous += amount

    def lend(self, amount: int) -> None:
        if self.slides:
            self.booked += amount
        else:
            self.borrowed += amount

    def release(self, start: int, amount: int) -> None:
        """Take an estimate back that was lent while the window that began at `start` was the current one."""
        if self.slides:
            self.add(start, -amount)
        elif start == self.start:
            self.borrowed -= amount

    def is_over(self, now: int) -> bool:
        """Whether forgetting it changes nothing."""
        if self.slides:
            return now >= 2 * self.end - self.start
        if self.money:
            return now >= self.end
        return not self.borrowed


class _Ticket:
    __slots__ = ("at", "claims", "counters", "expires", "lease", "lent")

    def __init__(self, claims: Sequence[Claim], counters: list[_Counter], at: int, lease: float) -> None:
        self.claims = claims
        self.counters = counters
        self.at = at
        self.lease = lease
        self.expires = 0.0
        self.lent: list[tuple[_Counter, int, int]] = []
        """Counter, start of its window, amount: what goes back. Empty when the lease has run out."""


class MemoryCounters:
    """Limits and budgets of a gateway with one worker.

    Args:
        clock: Time of windows and leases.
        ledger: Told what is booked, so that a `SpendLog` can keep it.
        max_counters: Bound of the counters held.
    """

    state: Literal["memory", "redis", "lost"] = "memory"

    def __init__(self, clock: Clock, ledger: Ledger | None = None, *, max_counters: int = MAX_COUNTERS) -> None:
        self._clock = clock
        self._ledger = ledger or Ledger()
        self._max_counters = max_counters
        self._counters: dict[str, _Counter] = {}
        self._money: dict[str, _Counter] = {}
        self._tickets: dict[str, _Ticket] = {}
        self._unswept: list[str] = []
        self._leases_checked = clock.monotonic()

    @property
    def size(self) -> int:
        """Counters held."""
        return len(self._counters)

    @property
    def out(self) -> int:
        """Tickets not given back."""
        return len(self._tickets)

    def load(self, amounts: Mapping[tuple[str, int], int]) -> None:
        """Add what was booked before this process started, by counter and start of window (`SpendLog.restore`)."""
        now = self._clock.now()
        for (counter, start), amount in amounts.items():
            self._counter(counter, now).add(start, amount)

    async def borrow(self, ticket: str, claims: Sequence[Claim], *, lease: float, at: int | None = None) -> Grant:
        """See `Counters.borrow`."""
        if not claims:
            return Grant(claims=())
        now = self._clock.now()
        counters = [self._counter(claim.counter, now) for claim in claims]
        held = _Ticket(claims, counters, now if at is None else at, lease)
        grant = self._lend(held, claims, counters, now)
        if grant.refused is None:
            self._tickets[ticket] = held
        return grant

    async def extend(self, ticket: str, claims: Sequence[Claim]) -> Grant:
        """See `Counters.extend`."""
        held = self._tickets.get(ticket)
        if held is None:
            return Grant(claims=tuple(claims), counted=False)
        now = self._clock.now()
        return self._lend(held, claims, [self._counter(claim.counter, now) for claim in claims], now)

    def give_back(self, ticket: str, amounts: Sequence[int]) -> None:
        """See `Counters.give_back`."""
        held = self._tickets.pop(ticket, None)
        if held is None:
            return
        now = self._clock.now()
        _release(held, now)
        for claim, counter, amount in zip(held.claims, held.counters, amounts, strict=False):
            if claim.measure not in ("tokens", "money"):
                continue
            at = held.at
            start = counter.start if counter.start <= at < counter.end else bounds(claim.window, at)[0]
            counter.add(start, amount)
            if counter.durable:
                self._ledger.book(claim.counter, start, amount)

    async def read(self, counters: Iterable[str]) -> dict[str, int]:
        """See `Counters.read`."""
        now = self._clock.now()
        found: dict[str, int] = {}
        for name in counters:
            counter = self._counters.get(name)
            if counter is None:
                found[name] = 0
                continue
            if now >= counter.end:
                counter.roll(now)
            found[name] = counter.booked if counter.money else counter.used(now)
        return found

    async def set(self, values: Mapping[str, int]) -> None:
        """See `Counters.set`."""
        only_money(values)
        now = self._clock.now()
        for name, value in values.items():
            counter = self._counter(name, now)
            self._ledger.book(name, counter.start, value - counter.booked)
            counter.booked = value

    def spent(self, most: int) -> tuple[list[Entry], bool]:
        """What is booked of money in the current windows, the largest first; and whether there is more."""
        now = self._clock.now()
        held = [
            (counter.id, counter.start, counter.booked)
            for counter in self._money.values()
            if counter.booked and now < counter.end
        ]
        return heapq.nlargest(most, held, key=lambda entry: entry[2]), len(held) > most

    def correct(self, entries: Iterable[Entry]) -> int:
        """Add to money counters what a reconciliation found, while its window lasts; returns how many took it."""
        now = self._clock.now()
        taken = 0
        for name, start, amount in entries:
            only_money((name,))
            counter = self._counter(name, now)
            if counter.start == start:
                counter.booked += amount
                self._ledger.book(name, start, amount)
                taken += 1
        return taken

    def tick(self) -> None:
        """End leases that ran out; drop counters whose windows are over."""
        self._sweep()
        monotonic = self._clock.monotonic()
        if monotonic - self._leases_checked < LEASE_CHECK_SECONDS:
            return
        self._leases_checked = monotonic
        now = self._clock.now()
        for ticket in self._tickets.values():
            if ticket.lent and monotonic >= ticket.expires:
                # The ticket stays, for the amounts that a late return may still bring.
                _release(ticket, now)

    def configure(self, settings: RedisSettings | None) -> None:
        """Nothing: counters in memory have no settings."""

    async def close(self) -> None:
        self._tickets.clear()

    def _counter(self, name: str, now: int) -> _Counter:
        counter = self._counters.get(name)
        if counter is None:
            counter = self._counters[name] = _Counter(name, *kind_of(name), now)
            if counter.money:
                self._money[name] = counter
        elif now >= counter.end:
            counter.roll(now)
        return counter

    def _lend(self, held: _Ticket, claims: Sequence[Claim], counters: list[_Counter], now: int) -> Grant:
        for index, (claim, counter) in enumerate(zip(claims, counters, strict=True)):
            if claim.hard is not None and not fits(claim, counter.used(now)):
                return refused(claims, [one.reading() for one in counters], now, index)
        for claim, counter in zip(claims, counters, strict=True):
            counter.lend(claim.amount)
            if claim.measure != "requests":
                held.lent.append((counter, counter.start, claim.amount))
        held.expires = self._clock.monotonic() + held.lease
        return granted(claims, [one.reading() for one in counters], now)

    def _sweep(self) -> None:
        now = self._clock.now()
        if not self._unswept:
            self._unswept = list(self._counters)
            self._ledger.prune(now)
        for name in self._unswept[-SWEEP:]:
            counter = self._counters.get(name)
            if counter is not None and counter.is_over(now):
                self._forget(counter)
        del self._unswept[-SWEEP:]
        if len(self._counters) > self._max_counters:
            self._evict()

    def _forget(self, counter: _Counter) -> None:
        del self._counters[counter.id]
        if counter.money:
            del self._money[counter.id]

    def _evict(self) -> None:
        surplus = len(self._counters) - self._max_counters * 9 // 10
        idle = (counter for counter in self._counters.values() if not counter.borrowed)
        least = heapq.nsmallest(surplus, idle, key=lambda counter: (counter.durable, counter.booked + counter.previous))
        for counter in least:
            self._forget(counter)
        logger.error(
            "over %d counters of limits in memory: the %d least used are forgotten and count from 0 again",
            self._max_counters,
            len(least),
        )


def only_money(values: Iterable[str]) -> None:
    """Raises `InvalidInput` (`counter_not_money`) unless all counters count money."""
    for name in values:
        if kind_of(name)[0] != "money":
            raise InvalidInput(f"Only money counters can be set, got {name!r}.", code="counter_not_money")


def _release(ticket: _Ticket, now: int) -> None:
    for counter, start, amount in ticket.lent:
        if now >= counter.end:
            counter.roll(now)
        counter.release(start, amount)
    ticket.lent = []
