"""What was given back and is not in Redis yet: in order, numbered, and bounded."""

import logging
from collections.abc import Sequence

from penstock.store.counters.encoding import Booking, book, ttl_of

__all__ = ["Returns"]

logger = logging.getLogger(__name__)

MAX_BATCH = 128
MAX_PENDING = 100_000
"""Counters for which amounts are kept while Redis is away."""

Settle = tuple[str, list[object]]
"""Ticket, or nothing; and what to book."""


class Returns:
    """Batches go one after the other, each with a number that grows, and a batch that failed goes again as it was:
    so Redis can tell one that comes twice.
    """

    def __init__(self) -> None:
        self._settles: list[Settle] = []
        self._batch: list[Settle] = []
        self._number = 0
        self._pending: dict[tuple[str, int], Booking] = {}
        self.dropped = 0
        """Amounts not kept, for want of room, since the start."""

    def __len__(self) -> int:
        return len(self._settles) + len(self._batch) + len(self._pending)

    @property
    def waiting(self) -> bool:
        """Whether there is a batch to send."""
        return bool(self._settles or self._batch)

    def add(self, ticket: str, bookings: Sequence[Booking], now: int) -> None:
        """A ticket comes back."""
        self._settles.append((ticket, book(bookings, now)))

    def keep(self, bookings: Sequence[Booking]) -> None:
        """Amounts of a call that borrowed nothing: summed by counter, until `hand_in`."""
        for one in bookings:
            place = (one.counter, one.start)
            before = self._pending.get(place)
            if before is not None:
                before.amount += one.amount
            elif len(self._pending) < MAX_PENDING:
                self._pending[place] = one
            else:
                self.dropped += 1
                if self.dropped == 1:
                    logger.error("over %d counters wait for Redis: amounts of others are not kept", MAX_PENDING)

    def hand_in(self, now: int) -> None:
        """Let what was kept travel with the tickets."""
        if self._pending:
            waiting = [one for one in self._pending.values() if ttl_of(one.counter, one.start, now) > 0]
            self._pending.clear()
            for first in range(0, len(waiting), MAX_BATCH):
                self._settles.append(("", book(waiting[first : first + MAX_BATCH], now)))

    def batch(self) -> tuple[int, list[Settle]]:
        """Number and content of the batch to send; 0 when there is none."""
        if not self._batch and self._settles:
            self._batch, self._settles = self._settles[:MAX_BATCH], self._settles[MAX_BATCH:]
            self._number += 1
        return (self._number, self._batch) if self._batch else (0, [])

    def taken(self, number: int) -> None:
        """The batch of that number is in Redis."""
        if number == self._number:
            self._batch = []

    def clear(self) -> None:
        """All of it is in Redis by another way."""
        self._settles.clear()
        self._batch = []
        self._pending.clear()
