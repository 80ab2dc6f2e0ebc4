"""Evaluators of what an answer took: time, money, tokens."""

from collections.abc import Callable
from typing import Literal

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.types import Item, Unscored, Verdict

__all__ = ["Cost", "Latency", "Tokens"]

_MICROSECONDS = 1_000_000
_NANO = 1_000_000_000


class Latency(CodeDefinition, frozen=True, kw_only=True, tag="latency"):
    """Seconds that the answer took; with a bound, whether it keeps it."""

    of: Literal["answer", "first_token"] = "answer"
    most: float | None = None
    """Seconds."""

    def compile(self) -> Callable[[Item], Found]:
        most = _bound(self.most)

        def judge(item: Item) -> Verdict:
            taken = item.latency if self.of == "answer" else item.ttft
            if taken is None:
                raise Unscored("How long the answer took is not known.")
            return _measured(taken / _MICROSECONDS, most, "s")

        return judge


class Cost(CodeDefinition, frozen=True, kw_only=True, tag="cost"):
    """Dollars that the answer cost; with a bound, whether it keeps it."""

    most: float | None = None
    """Dollars."""

    def compile(self) -> Callable[[Item], Found]:
        most = _bound(self.most)

        def judge(item: Item) -> Verdict:
            if item.cost is None:
                raise Unscored("The cost of the answer is unknown.")
            return _measured(item.cost / _NANO, most, "$")

        return judge


class Tokens(CodeDefinition, frozen=True, kw_only=True, tag="tokens"):
    """Tokens of the call; with a bound, whether it keeps it."""

    of: Literal["output", "input", "total", "reasoning"] = "output"
    """`output` with reasoning, `input` with what was cached."""
    most: float | None = None

    def compile(self) -> Callable[[Item], Found]:
        most = _bound(self.most)

        def judge(item: Item) -> Verdict:
            if item.usage is None:
                raise Unscored("The usage of the call is not known.")
            counts = {
                "output": item.usage.total_output,
                "input": item.usage.total_input,
                "total": item.usage.total,
                "reasoning": item.usage.reasoning,
            }
            return _measured(float(counts[self.of]), most, "tokens")

        return judge


def _bound(most: float | None) -> float | None:
    if most is not None and not 0 <= most < float("inf"):
        raise InvalidInput(f"Expected 0 or more, got {most:g}.", field="most")
    return most


def _measured(value: float, most: float | None, unit: str) -> Verdict:
    if most is None:
        return Verdict(value)
    return Verdict(value <= most, f"{value:g} {unit}.", value)
