"""Evaluators of an experiment: definitions and functions, with what they need to see and to ask."""

import contextvars
from typing import Any, Final

import msgspec

from penstock.core.errors import PenstockError
from penstock.evals.evaluators.types import Evaluator, Item, Judgement, ToolCall
from penstock.evals.experiments.keys import digest
from penstock.evals.experiments.types import Finding, Output, Row, VariantSpec
from penstock.providers.openai.usage import parse_usage

__all__ = ["Evaluated", "asking", "item_of"]

EVEN: Final = 0.5
"""An answer is as good as itself."""
_asked: "contextvars.ContextVar[_Asking | None]" = contextvars.ContextVar("penstock_asking", default=None)


class _Asking:
    """What has been asked while one answer is judged."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._seen: dict[str, int] = {}

    def name(self, content: Any) -> str:
        """The key of a question; one that is asked twice, as by a panel of one model, has two."""
        base = digest(content)
        again = self._seen.get(base, 0)
        self._seen[base] = again + 1
        return digest([self._key, base, again])


def asking(content: Any) -> str:
    """The key of a call that an evaluator makes now."""
    current = _asked.get()
    return digest(content) if current is None else current.name(content)


class Evaluated:
    """An `Evaluation` over an evaluator.

    Args:
        evaluator: Judges.
        salt: Of an experiment that uses no answers of others.
        compares: It holds answers against the baseline's.
    """

    def __init__(self, evaluator: Evaluator, *, salt: str = "", compares: bool = False) -> None:
        self._evaluator = evaluator
        self.compares = compares
        self._salt = salt

    @property
    def name(self) -> str:
        return self._evaluator.name

    @property
    def digest(self) -> str:
        return self._evaluator.digest

    @property
    def paid(self) -> bool:
        return self._evaluator.paid

    async def judge(
        self, row: Row, variant: VariantSpec, output: Output, *, key: str, other: Output | None = None
    ) -> list[Finding]:
        """As `Evaluation.judge`. FAILURES E1."""
        del variant  # nobody who judges knows whose answer it is
        if self.compares and other is output:
            return [Finding(name=self.name, value=EVEN, reason="It is the baseline.")]
        if self.compares and other is None:
            return [Finding(name=self.name, error="The baseline has no answer to compare with.")]
        token = _asked.set(_Asking(digest([key, self.digest, self._salt])))
        try:
            judgements = await self._evaluator.evaluate(item_of(row, output, other=other))
        except PenstockError as error:
            return [Finding(name=self.name, error=str(error))]
        finally:
            _asked.reset(token)
        return [_finding(one) for one in judgements]


def item_of(row: Row, output: Output, *, other: Output | None = None) -> Item:
    """What evaluators see of an answer, and of the baseline's."""
    return Item(
        output=output.text or "",
        input=row.input,
        reference=row.reference,
        other=None if other is None else other.text or "",
        context=row.context,
        tool_calls=[_tool_call(call) for call in output.tool_calls],
        data=output.data,
        metadata=row.metadata,
        group=row.group,
        latency=output.latency,
        cost=output.cost,
        usage=parse_usage(msgspec.json.encode(output.usage)) if output.usage else None,
    )


def _finding(judgement: Judgement) -> Finding:
    return Finding(
        name=judgement.name,
        value=judgement.value,
        reason=judgement.reason,
        error=judgement.error,
        cost=judgement.cost,
    )


def _tool_call(call: dict[str, Any]) -> ToolCall:
    function: dict[str, Any] = call.get("function") or {}
    arguments: Any = function.get("arguments") or "{}"
    try:
        parsed = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, TypeError):
        parsed = arguments
    return ToolCall(name=str(function.get("name", "")), arguments=parsed, id=call.get("id"))
