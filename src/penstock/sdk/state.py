"""What `penstock.init()` set up, for the parts of the package that work with it."""

import logging
from typing import Any, NamedTuple, Protocol

import msgspec

from penstock.wire.scoring import Value

__all__ = ["Console", "Delivery", "NewScore", "Setup", "Value", "active", "set_active", "warn_once"]

logger = logging.getLogger("penstock")


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of things that were to be sent. Counted since `init`; in a forked process since the fork."""

    queued: int
    """Waiting, or on their way."""
    sent: int
    """Taken by the exporter."""
    dropped: int
    """Given up because the queue was full, or because time was up at the exit."""
    failed: int
    """Refused by the exporter, or by the console."""


class NewScore(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One judgement as `POST /api/v1/scores` takes it."""

    id: str
    name: str
    value: Value
    type: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    session: str | None = None
    source: str = "code"
    comment: str | None = None
    created: int
    metadata: dict[str, Any] | None = None


class Console(NamedTuple):
    endpoint: str
    api_key: str | None


class Setup(Protocol):
    """The part of a client that spans, scores and searches need."""

    console: Console | None
    """Where things are sent, and looked for; None with an exporter of one's own."""

    capture: bool
    """Whether arguments and results are put on spans at all."""
    max_value: int
    """Characters of one captured value."""

    def send_score(self, score: NewScore) -> bool:
        """Queue it; never blocks, never raises. False when it goes nowhere."""
        ...

    def new_id(self) -> str: ...

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        ...


class _Holder:
    def __init__(self) -> None:
        self.setup: Setup | None = None
        self.warned = False


_holder = _Holder()


def active() -> Setup | None:
    """What the last `init` set up; None before, and after `shutdown`."""
    return _holder.setup


def set_active(setup: Setup | None) -> None:
    _holder.setup = setup
    _holder.warned = False


def warn_once(message: str) -> None:
    """Say once until the next `init` what is missing."""
    if not _holder.warned:
        _holder.warned = True
        logger.warning(message)
