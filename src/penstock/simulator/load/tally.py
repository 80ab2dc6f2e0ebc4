"""What a load test measured, in bounded memory."""

from collections import Counter

import msgspec

from penstock.simulator.load.sketch import Sketch

__all__ = ["LoadReport", "Outcome", "Quantiles", "Tally"]


class Outcome(msgspec.Struct, kw_only=True):
    """One answer as its caller saw it."""

    error: str | None = None
    """None when it was whole; else its kind: `http_429`, `connect`, `timeout`, `cut`, `error_event`, …"""
    latency: float = 0.0
    """Seconds from the moment when it was due to be sent, so that a backlog counts."""
    ttft: float | None = None
    """Seconds to the first content event, from the same moment."""
    lag: float = 0.0
    """Seconds that it was sent late: the load generator's own fault."""
    input_tokens: int = 0
    output_tokens: int = 0


class Quantiles(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds; None when nothing was measured."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None


class LoadReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a load test."""

    sent: int
    succeeded: int
    failed: int
    seconds: float
    rate: float
    """Answers that were whole, per second."""
    error_rate: float
    """Share of the requests that failed."""
    errors: dict[str, int]
    """Failures by kind, most frequent first."""
    latency: Quantiles
    """Of answers that were whole."""
    ttft: Quantiles
    """Of streams that were whole."""
    lag: Quantiles
    """How late requests were sent. Where this is large, the machine of the load generator was the limit."""
    input_tokens: int
    output_tokens: int
    output_tokens_per_second: float


def _quantiles(sketch: Sketch) -> Quantiles:
    return Quantiles(
        mean=sketch.mean,
        p50=sketch.quantile(0.5),
        p95=sketch.quantile(0.95),
        p99=sketch.quantile(0.99),
        max=sketch.largest if sketch.count else None,
    )


class Tally:
    """Counts outcomes as they come."""

    def __init__(self) -> None:
        self.sent = 0
        self.done = 0
        self.errors: Counter[str] = Counter()
        self._latency = Sketch()
        self._ttft = Sketch()
        self._lag = Sketch()
        self._input = 0
        self._output = 0

    @property
    def failed(self) -> int:
        return self.errors.total()

    def add(self, outcome: Outcome) -> None:
        self.done += 1
        self._lag.add(outcome.lag)
        self._input += outcome.input_tokens
        self._output += outcome.output_tokens
        if outcome.error is not None:
            self.errors[outcome.error] += 1
            return
        self._latency.add(outcome.latency)
        if outcome.ttft is not None:
            self._ttft.add(outcome.ttft)

    def report(self, seconds: float) -> LoadReport:
        """The result after so many seconds of load."""
        lasted = max(seconds, 1e-9)
        succeeded = self.done - self.failed
        return LoadReport(
            sent=self.sent,
            succeeded=succeeded,
            failed=self.failed,
            seconds=seconds,
            rate=succeeded / lasted,
            error_rate=self.failed / self.done if self.done else 0.0,
            errors=dict(self.errors.most_common()),
            latency=_quantiles(self._latency),
            ttft=_quantiles(self._ttft),
            lag=_quantiles(self._lag),
            input_tokens=self._input,
            output_tokens=self._output,
            output_tokens_per_second=self._output / lasted,
        )
