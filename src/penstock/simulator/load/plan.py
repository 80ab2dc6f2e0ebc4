"""What a load test sends, and when."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from penstock.core.errors import InvalidInput
from penstock.simulator.trace import read_trace

__all__ = ["LoadPlan", "Shot", "arrivals"]


class Shot(msgspec.Struct, frozen=True):
    """One request to send."""

    number: int
    at: float
    """Seconds after the start; in a closed loop always 0."""
    prompt_tokens: int
    max_tokens: int | None


class LoadPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A load test. Exactly one of `rate`, `trace` and `closed` says when requests are sent."""

    url: str
    """Root of the gateway, without `/v1`."""
    model: str
    key: str | None = None
    rate: float | None = None
    """Open loop: requests per second, as a Poisson process."""
    trace: Path | None = None
    """Open loop: arrivals, prompt and answer lengths of a CSV of real requests."""
    trace_columns: dict[str, str] = {}
    speedup: float = 1.0
    """The trace is played so many times as fast."""
    closed: int | None = None
    """Closed loop: so many callers, each sends the next request when it has its answer."""
    duration: float | None = None
    """Seconds after which nothing more is sent."""
    requests: int | None = None
    """Requests after which nothing more is sent."""
    stream: bool = False
    dialect: Literal["openai", "anthropic"] = "openai"
    prompt_tokens: int = 250
    max_tokens: int | None = None
    timeout: float = 120.0
    """Seconds that one answer may take."""
    in_flight: int = 10_000
    """Requests under way at most; an arrival beyond it is counted as `overload` and not sent."""
    seed: int = 0

    def check(self) -> None:
        """Raises InvalidInput: the plan contradicts itself or never ends."""
        if sum(value is not None for value in (self.rate, self.trace, self.closed)) != 1:
            raise InvalidInput("Expected exactly one of --rate, --trace and --closed.")
        if self.duration is None and self.requests is None and self.trace is None:
            raise InvalidInput("Expected --duration or --requests: without either the test never ends.")
        for name in ("rate", "speedup", "closed", "duration", "requests", "prompt_tokens", "timeout", "in_flight"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise InvalidInput(f"Expected --{name.replace('_', '-')} to be above 0, got {value}.")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"Expected --url like http://127.0.0.1:4100, got {self.url!r}.")


def arrivals(plan: LoadPlan) -> Iterator[Shot]:
    """The requests of a plan in order of sending, up to its duration and number.

    Raises:
        InvalidInput: the trace cannot be read.
    """
    for number, shot in enumerate(_endless(plan)):
        if plan.requests is not None and number >= plan.requests:
            return
        if plan.duration is not None and shot.at >= plan.duration:
            return
        yield shot


def _endless(plan: LoadPlan) -> Iterator[Shot]:
    if plan.trace is not None:
        for number, row in enumerate(read_trace(plan.trace, columns=plan.trace_columns)):
            limit = plan.max_tokens or row.output_tokens
            yield Shot(number, row.arrival / plan.speedup, max(1, row.input_tokens), limit)
        return
    random = Random(plan.seed)  # noqa: S311 - arrivals, not secrets
    number, at = 0, 0.0
    while True:
        if plan.rate is not None:
            at += random.expovariate(plan.rate)
        yield Shot(number, at, plan.prompt_tokens, plan.max_tokens)
        number += 1
