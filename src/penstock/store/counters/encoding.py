"""How claims, bookings and answers look on their way to the scripts and back."""

import asyncio
from collections.abc import Sequence

from penstock.store.counters.grants import Reading, granted, refused
from penstock.store.counters.windows import WIDTHS, bounds, kind_of
from penstock.wire.limits import Claim, Grant

__all__ = ["Ask", "Booking", "answer_of", "book", "booking", "buckets", "ttl_of"]

REQUESTS, TOKENS, SLOTS, MONEY = 1, 2, 3, 4
SLACK = 60_000_000
"""Microseconds that a key outlives its window: workers' clocks differ."""


class Booking:
    """An amount for the window of a counter."""

    __slots__ = ("amount", "counter", "start")

    def __init__(self, counter: str, start: int, amount: int) -> None:
        self.counter = counter
        self.start = start
        self.amount = amount


class Ask:
    """A borrow that waits for its answer."""

    __slots__ = ("claims", "extends", "future", "lease", "ticket")

    def __init__(self, ticket: str, claims: Sequence[Claim], lease: float, *, extends: bool) -> None:
        self.ticket = ticket
        self.claims = claims
        self.lease = lease
        self.extends = extends
        self.future: asyncio.Future[Grant | None] = asyncio.get_running_loop().create_future()

    def answer(self, grant: Grant | None) -> None:
        if not self.future.done():
            self.future.set_result(grant)

    def encoded(self, now: int) -> list[object]:
        return [
            self.ticket,
            round(self.lease * 1_000_000),
            [_claim(claim, now) for claim in self.claims],
            1 if self.extends else 0,
        ]


def _claim(claim: Claim, now: int) -> list[object]:
    hard = -1 if claim.hard is None else claim.hard
    measure = claim.measure
    if measure == "money":
        start, end = bounds(claim.window, now)
        return [MONEY, claim.counter, claim.amount, hard, str(start), (end - now + SLACK) // 1000]
    if measure == "parallel":
        return [SLOTS, claim.counter, claim.amount, hard, 0, 0]
    width = WIDTHS[claim.window]
    return [
        REQUESTS if measure == "requests" else TOKENS,
        claim.counter,
        claim.amount,
        hard,
        width,
        (2 * width + SLACK) // 1000,
    ]


def answer_of(claims: Sequence[Claim], answer: Sequence[int], now: int) -> Grant:
    """The grant that an answer of the script stands for; `now` is the time that the script went by."""
    readings: list[Reading] = [
        (answer[2 * index + 1], answer[2 * index + 2], *bounds(claim.window, now)) for index, claim in enumerate(claims)
    ]
    if answer[0]:
        return refused(claims, readings, now, answer[0] - 1)
    return granted(claims, readings, now)


def booking(counter: str, window: str, at: int, amount: int) -> Booking:
    """The booking of an amount of a call that started `at`."""
    return Booking(counter, bounds(window, at)[0], amount)


def ttl_of(counter: str, start: int, now: int) -> int:
    """Milliseconds that the key of a window must live; 0 or less when the window no longer counts."""
    measure, window = kind_of(counter)
    end = bounds(window, start)[1]
    if measure != "money":
        end += WIDTHS[window]
    return (end + SLACK - now) // 1000


def book(bookings: Sequence[Booking], now: int) -> list[object]:
    """`[counter:start, amount, ttl, …]`, without the windows that are over."""
    flat: list[object] = []
    for one in bookings:
        ttl = ttl_of(one.counter, one.start, now)
        if ttl > 0:
            flat += (f"{one.counter}:{one.start}", one.amount, ttl)
    return flat


def buckets(counters: Sequence[str], now: int) -> tuple[list[str], list[tuple[int, int, int]]]:
    """The keys that hold what these counters have used now.

    Returns:
        The keys, and for each counter the place of its first key, the start of its window and its width. A
        sliding counter has two keys, the current bucket's and the previous one's.
    """
    keys: list[str] = []
    shapes: list[tuple[int, int, int]] = []
    for counter in counters:
        measure, window = kind_of(counter)
        start, end = bounds(window, now)
        shapes.append((len(keys), start, end - start))
        if measure == "parallel":
            keys.append(counter)
        elif measure == "money":
            keys.append(f"{counter}:{start}")
        else:
            keys += [f"{counter}:{start}", f"{counter}:{start - (end - start)}"]
    return keys, shapes
