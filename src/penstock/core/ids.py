"""Identifiers: UUIDv7 for records (RFC 9562 §5.7), OpenTelemetry's for traces and spans."""

import os
from random import Random
from typing import Protocol

from penstock.core.clock import Clock, SystemClock

__all__ = ["Ids", "RandomIds", "SequentialIds"]


class Ids(Protocol):
    """Where identifiers come from; injected, so that a test can foretell them."""

    def uuid7(self) -> str:
        """A UUIDv7 in canonical form; those of one source sort in the order they were made."""
        ...

    def trace_id(self) -> str:
        """16 random bytes, 32 lower-case hex digits, never all zero."""
        ...

    def span_id(self) -> str:
        """8 random bytes, 16 lower-case hex digits, never all zero."""
        ...


class RandomIds:
    """Random identifiers, seeded from the operating system once per process.

    They name things; they are no secrets. A fork must make its own.
    """

    def __init__(self, clock: Clock | None = None, *, seed: int | None = None) -> None:
        self._clock = clock or SystemClock()
        source = Random(int.from_bytes(os.urandom(32)) if seed is None else seed)  # noqa: S311 - names, not secrets
        self._bits = source.getrandbits
        self._last_milliseconds = -1
        self._last_bits = 0

    def uuid7(self) -> str:
        milliseconds = self._clock.now() // 1000
        if milliseconds > self._last_milliseconds:
            self._last_milliseconds = milliseconds
            # One bit is left free, so that counting on never runs over.
            self._last_bits = self._bits(73)
        else:
            # RFC 9562 §6.2: within a millisecond count on, so that ids sort in the order they were made.
            self._last_bits += 1
            milliseconds = self._last_milliseconds
        bits = self._last_bits
        high, low = bits >> 62, bits & ((1 << 62) - 1)
        value = (milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def trace_id(self) -> str:
        return f"{self._bits(128) or 1:032x}"

    def span_id(self) -> str:
        return f"{self._bits(64) or 1:016x}"


class SequentialIds:
    """The public fake: 1, 2, 3, …"""

    def __init__(self) -> None:
        self._last = 0

    def _next(self) -> int:
        self._last += 1
        return self._last

    def uuid7(self) -> str:
        return f"00000000-0000-7000-8000-{self._next():012x}"

    def trace_id(self) -> str:
        return f"{self._next():032x}"

    def span_id(self) -> str:
        return f"{self._next():016x}"
