"""What limits need from outside: counters that lend all or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol

from penstock.wire.limits import Claim, Grant, RedisSettings

__all__ = ["Counters"]


class Counters(Protocol):
    """Counts what limits bound, in one process or for many.

    A call borrows its conservative estimate before it is sent and gives it back with the true amounts when
    it is over; in between nobody else can borrow the same room. What is borrowed lapses with its lease.
    """

    @property
    def state(self) -> Literal["memory", "redis", "lost"]: ...

    async def borrow(self, ticket: str, claims: Sequence[Claim], *, lease: float, at: int | None = None) -> Grant:
        """Borrow all claims or none, atomically.

        Args:
            ticket: Names this borrow in `extend` and `give_back`; unique, such as a span id.
            claims: What the call needs. None at all is granted without asking.
            lease: Seconds after which the slots and estimates are free again, should nobody give them back.
            at: When the call started, microseconds since the epoch; its money belongs to the window of that
                moment. None: now.

        Raises:
            Unavailable: `limits_unavailable`; the counters cannot be reached and policy is to refuse.
        """
        ...

    async def extend(self, ticket: str, claims: Sequence[Claim]) -> Grant:
        """Borrow more tokens and money for the same call, all or none, and renew its lease.

        Nothing is borrowed for a ticket that is not out (given back, or never counted): the grant then says
        `counted=False`.

        Raises:
            Unavailable: as `borrow`.
        """
        ...

    def give_back(self, ticket: str, amounts: Sequence[int]) -> None:
        """Return what was borrowed and book what was really used. Never raises, never waits.

        Args:
            ticket: As borrowed. A second time, or for an unknown ticket, nothing happens.
            amounts: True amounts of the borrowed claims, in their order, for the whole call with its
                extensions. Those of `requests` and `parallel` are ignored: a request stays counted, a slot
                becomes free. Missing ones are 0.
        """
        ...

    async def read(self, counters: Iterable[str]) -> dict[str, int]:
        """What each counter has used now, without the money that is only borrowed.

        Raises:
            Unavailable: `limits_unavailable`.
        """
        ...

    async def set(self, values: Mapping[str, int]) -> None:
        """Put money counters of the current window right, as a reconciliation with the records found them.

        Raises:
            InvalidInput: a counter that does not count money (`counter_not_money`).
            Unavailable: `limits_unavailable`.
        """
        ...

    def tick(self) -> None:
        """Housekeeping, a few times a second."""
        ...

    def configure(self, settings: RedisSettings | None) -> None:
        """Take other settings. Nothing for counters in memory."""
        ...

    async def close(self) -> None: ...
