"""When things happen: time to first token, token rate, whole-answer latency, output length."""

from random import Random

import msgspec

from penstock.simulator.config import SimulatorConfig
from penstock.simulator.distributions import parse_distribution
from penstock.simulator.trace import TraceRow, read_trace

__all__ = ["Pace", "Pacing"]


class Pace(msgspec.Struct, frozen=True):
    """The timing of one answer, seconds."""

    ttft: float
    per_token: float
    latency: float | None
    """Of the whole answer when it is not streamed; None: the sum of the parts."""

    def whole(self, tokens: int) -> float:
        """How long an answer of so many tokens takes when it is not streamed."""
        return self.ttft + tokens * self.per_token if self.latency is None else self.latency


_INSTANT = Pace(0.0, 0.0, None)


class Pacing:
    """Draws the length and the timing of answers.

    Raises:
        InvalidInput: a distribution or the trace is not valid.
    """

    def __init__(self, config: SimulatorConfig) -> None:
        self._length = parse_distribution(config.output_tokens)
        self._ttft = parse_distribution(config.ttft)
        self._rate = None if config.token_rate is None else parse_distribution(config.token_rate)
        self._latency = None if config.latency is None else parse_distribution(config.latency)
        self._rows: list[TraceRow] = (
            [] if config.trace is None else read_trace(config.trace.file, columns=config.trace.columns)
        )
        self._instant = (
            not self._rows
            and self._rate is None
            and self._latency is None
            and config.ttft.strip() in {"0", "constant:0"}
        )

    def draw(self, random: Random) -> tuple[int, Pace]:
        """Tokens of text to write, at least 1, and the pace of it."""
        if self._instant:
            return max(1, round(self._length(random))), _INSTANT
        row = random.choice(self._rows) if self._rows else None
        length = self._length(random) if row is None else row.output_tokens
        ttft = self._ttft(random) if row is None or row.ttft is None else row.ttft
        latency = row.latency if row is not None else None
        if latency is None and self._latency is not None:
            latency = self._latency(random)
        per_token = 0.0
        if self._rate is not None:
            per_token = 1.0 / max(self._rate(random), 1e-3)
        elif row is not None and row.latency is not None and row.output_tokens > 1:
            per_token = max(0.0, row.latency - ttft) / (row.output_tokens - 1)
        return max(1, round(length)), Pace(ttft, per_token, latency)
