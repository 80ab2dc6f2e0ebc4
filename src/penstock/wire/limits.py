"""Limits and budgets: what the snapshot says, and what a call borrows and returns."""

from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from penstock.wire.snapshot import Snapshot

__all__ = [
    "Budget",
    "Claim",
    "Grant",
    "Level",
    "LimitEntry",
    "Measure",
    "RedisSettings",
    "Window",
    "counter_id",
    "counter_scope",
    "needs_shared_counters",
]

Level = Literal["organisation", "project", "key", "user", "tag"]
Measure = Literal["requests", "tokens", "parallel", "money"]
Window = Literal["second", "minute", "hour", "day", "month", "now"]
"""`now` is for `parallel`. Requests and tokens count in a window that slides; money in UTC calendar windows."""


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """Money per calendar window (UTC), nano-dollars. At least one of the two is set."""

    window: Literal["hour", "day", "month"]
    hard: int | None = None
    """Calls that might go over it are refused, or degraded as their route says."""
    soft: int | None = None
    """From here on: a response header, an alert, and the route's soft degradation."""


class LimitEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one level. None: not limited."""

    name: str
    """Named in the error and the headers of a refused call."""
    level: Level
    match: str | None = None
    """Project id, key id, user id, or `NAME=VALUE` of a tag; for `tag` also `NAME` alone: each value by itself.
    None: each project, key or user by itself. Nothing for `organisation`."""
    project: str | None = None
    """Project id; only its calls. None: all."""
    source: Literal["file", "api"] = "file"
    """Where it was written: the configuration file, or the control API."""
    requests_per_second: int | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_day: int | None = None
    parallel: int | None = None
    budgets: tuple[Budget, ...] = ()


class RedisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Redis or Valkey, for limits and the cache of more than one worker."""

    url: str
    """`redis://`, `rediss://` or `unix://`; or a reference to a secret that holds one."""
    on_lost: Literal["closed", "open"] = "closed"
    """While it cannot be reached: `closed` refuses calls that are limited, with 503; `open` serves them, counts
    what they cost, and hands that in when it is back."""
    timeout: float = 0.25
    """Seconds for one round trip before it counts as lost."""
    prefix: str = "penstock"


class Claim(msgspec.Struct, frozen=True):
    """What a call borrows from one counter."""

    counter: str
    """Stable id: level, whose, measure and window, e.g. `budget-a/project:0190…/money/day`."""
    measure: Measure
    window: Window
    amount: int
    """Requests, tokens, slots or nano-dollars: the conservative estimate."""
    hard: int | None
    """None: it is counted and never refused."""
    soft: int | None = None
    limit: str = ""
    """Name of the `LimitEntry`, for the error."""


class Grant(msgspec.Struct, kw_only=True):
    """The answer to a borrow: of all claims or of none."""

    claims: tuple[Claim, ...]
    remaining: tuple[int | None, ...] = ()
    """Per claim, after this borrow: what is left to the hard limit; None without one."""
    reset: tuple[float, ...] = ()
    """Per claim: seconds until the counter is as good as empty."""
    refused: int | None = None
    """Index of the claim that did not fit; nothing was borrowed then."""
    retry_after: float = 0.0
    """Seconds until the refused claim may fit; 0 when nothing was refused."""
    soft: tuple[int, ...] = ()
    """Indexes of the claims that are over their soft limit with this borrow."""
    counted: bool = True
    """False: the counters could not be reached and policy let the call through."""


def counter_scope(entry: LimitEntry) -> str:
    """What the ids of a limit's counters begin with.

    Limits of different projects may share a name, so one that is for a project alone has the project in it.
    """
    return entry.name if entry.project is None else f"{entry.name}@{entry.project}"


def counter_id(entry: LimitEntry, whose: str, measure: Measure, window: Window) -> str:
    """The stable id of a counter.

    Args:
        entry: The limit.
        whose: `organisation`, or level and id: `project:ID`, `key:ID`, `user:HASH`, `tag:NAME=VALUE`.
        measure: What is counted.
        window: And for how long.
    """
    return f"{counter_scope(entry)}/{whose}/{measure}/{window}"


def needs_shared_counters(snapshot: "Snapshot") -> bool:
    """Whether only one worker may serve this: it has limits, and no Redis in which workers would count together."""
    return bool(snapshot.limits) and snapshot.redis is None
