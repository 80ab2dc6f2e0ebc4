"""What a gateway worker reports about itself, once a second, in files of the home folder."""

from typing import Literal

import msgspec

__all__ = ["CacheReport", "Correction", "SpentReport", "TargetReport", "Transition", "WorkerReport"]


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a target's state."""

    at: int
    """Microseconds since the epoch."""
    state: Literal["closed", "open", "half_open"]
    reason: str
    """`6 of 10 attempts failed in 30 s: upstream_error (503)`."""


class TargetReport(msgspec.Struct, frozen=True, kw_only=True):
    """Health of one `provider/model` as one worker sees it."""

    target: str
    state: Literal["closed", "open", "half_open"] = "closed"
    reason: str = ""
    """Why it is out; empty while it is in."""
    since: int | None = None
    """When the state was entered, microseconds since the epoch; None: since the start."""
    attempts: int = 0
    """In the breaker's window."""
    errors: int = 0
    in_flight: int = 0
    latency: float | None = None
    """EWMA of seconds to first content."""
    p95: float | None = None
    keys_aside: tuple[str, ...] = ()
    """Names of provider keys that are set aside, with the reason: `backup: 401`."""
    history: tuple[Transition, ...] = ()
    """The latest, oldest first, at most 50."""


class CacheReport(msgspec.Struct, frozen=True, kw_only=True):
    """Since the worker started."""

    hits: int = 0
    misses: int = 0
    joined: int = 0
    entries: int = 0
    bytes: int = 0
    saved: int = 0
    """Nano-dollars."""


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    worker: str
    pid: int
    program: str
    """Version of Penstock."""
    started: int
    at: int
    """When this was written; a report older than a few seconds is of a worker that is gone."""
    state: Literal["serving", "draining"] = "serving"
    snapshot: int
    """Version that new calls are served with."""
    problem: str | None = None
    """Why the newest snapshot was not taken."""
    in_flight: int = 0
    calls: int = 0
    """Since the start."""
    recorded: int = 0
    lost: int = 0
    counters: Literal["memory", "redis", "lost"] = "memory"
    targets: tuple[TargetReport, ...] = ()
    cache: CacheReport = CacheReport()


class SpentReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker that counts in its memory holds against budgets. A file of its own, for reconciliation alone."""

    worker: str
    at: int
    """Microseconds since the epoch; a report older than a few seconds is of a worker that is gone."""
    taken: str = ""
    """Id of the latest `Correction` that it took up."""
    spent: tuple[tuple[str, int, int], ...] = ()
    """Counter, start of its current window, nano-dollars booked: the largest, at most 1,000."""
    truncated: bool = False
    """Whether there are more."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What a reconciliation asks a worker to add to its counters; it takes the file away when it has."""

    id: str
    entries: tuple[tuple[str, int, int], ...]
    """Counter, start of the window that is meant, nano-dollars to add."""
