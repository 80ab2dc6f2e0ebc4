"""Again at the same target: when, after how long, and never more than a share of the calls."""

from random import Random

from penstock.core.errors import PenstockError, UpstreamError
from penstock.gateway.routing.verdicts import judge
from penstock.wire.routing import Retries

__all__ = ["RetryBudget", "next_wait", "wait_before"]

RESERVE = 3.0
"""Retries that a route may make whatever its traffic: they come back at `TRICKLE` a second."""
TRICKLE = 0.1
SAVED = 10.0
"""Retries that quiet times may save up beyond the reserve."""


class RetryBudget:
    """A token bucket: each call pays in the share, each retry takes one out.

    In any span of time: retries ≤ share × calls + `RESERVE` + `SAVED` + `TRICKLE` × seconds. When all
    calls fail, retries add that share to the load and no more, so a storm cannot feed itself.
    """

    __slots__ = ("_reserve", "_saved", "_seen", "share")

    def __init__(self, share: float, *, now: float) -> None:
        self.share = share
        self._saved = 0.0
        self._reserve = RESERVE
        self._seen = now

    def called(self) -> None:
        """A call came, by its first attempt."""
        self._saved = min(self._saved + self.share, SAVED)

    def take(self, now: float) -> bool:
        """Whether one more retry may be made. It counts as made."""
        if self.share <= 0.0:
            return False
        if self._saved >= 1.0:
            self._saved -= 1.0
            return True
        self._reserve = min(self._reserve + max(now - self._seen, 0.0) * TRICKLE, RESERVE)
        self._seen = now
        if self._reserve >= 1.0:
            self._reserve -= 1.0
            return True
        return False


def wait_before(retries: Retries, nth: int, random: Random, *, retry_after: float | None = None) -> float | None:
    """Seconds before the n-th retry, from 1; None when the provider asks for more than `cap`.

    Full jitter: random in 0 … base x 2ⁿ, at most `cap`. What `Retry-After` says comes first, and the
    jitter after it, so that those who were sent away together do not come back together.
    """
    # Beyond 2³² the cap decides anyway.
    jitter = random.random() * min(retries.base * 2.0 ** min(nth, 32), retries.cap)
    if retry_after is None:
        return jitter
    if retry_after > retries.cap:
        return None
    return min(retry_after + jitter, retries.cap)


def next_wait(
    retries: Retries, nth: int, error: PenstockError, *, budget: RetryBudget, random: Random, now: float
) -> float | None:
    """Seconds until the same target is tried again, or None when it is not (FAILURES G16).

    `nth` counts retries at this variant, from 1. A retry that is granted is taken out of the budget.
    """
    if nth > retries.attempts or not judge(error).retry:
        return None
    asked = error.retry_after if isinstance(error, UpstreamError) else None
    wait = wait_before(retries, nth, random, retry_after=asked)
    return wait if wait is not None and budget.take(now) else None
