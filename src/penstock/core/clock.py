"""Time as Penstock knows it: UTC, integer microseconds since the epoch."""

import time
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "ManualClock", "SystemClock", "to_datetime"]


class Clock(Protocol):
    """Where time comes from; injected, so that a test never sleeps."""

    def now(self) -> int:
        """Wall clock, microseconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """The public fake: stands still until it is told to move."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now += round(seconds * 1_000_000)
        self._monotonic += seconds


def to_datetime(microseconds: int) -> datetime:
    """An aware UTC datetime of microseconds since the epoch."""
    return datetime.fromtimestamp(microseconds / 1_000_000, tz=UTC)
