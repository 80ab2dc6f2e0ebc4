"""Calls of judges, paid for once as those of variants are."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from penstock.evals.evaluators.ports import AskRequest, Reply
from penstock.evals.experiments.calls import Ask, Asked
from penstock.evals.experiments.evaluations import asking
from penstock.evals.experiments.keys import trace_id
from penstock.evals.experiments.ports import Caller, Request
from penstock.evals.experiments.types import CallMark, Output
from penstock.providers.openai.usage import parse_usage

__all__ = ["JudgeAsk"]

Consult = Callable[[str, Ask], Awaitable[Asked]]
"""Gives the answer under a key, asking for it where nobody has."""


class JudgeAsk:
    """An evaluator's `Ask`.

    Args:
        caller: Who asks.
        consult: Keeps answers.
        experiment: Names the traces.
        timeout: Seconds of one call.
    """

    def __init__(self, caller: Caller, consult: Consult, *, experiment: str, timeout: float) -> None:
        self._caller = caller
        self._consult = consult
        self._experiment = experiment
        self._timeout = timeout

    async def __call__(self, request: AskRequest, /) -> Reply:
        """As `Ask`. A reply that was kept from before costs nothing more."""
        key = asking(msgspec.to_builtins(request))

        async def ask(mark: CallMark) -> Output:
            body: dict[str, Any] = {"model": request.model, "messages": request.messages, **request.parameters}
            if request.schema is not None:
                schema = {"name": request.schema_name, "strict": True, "schema": request.schema}
                body["response_format"] = {"type": "json_schema", "json_schema": schema}
            trace = trace_id(self._experiment, key, mark.attempt)
            return await self._caller.call(Request(key=key, body=body), trace_id=trace, timeout=self._timeout)

        asked = await self._consult(key, ask)
        output = asked.output
        return Reply(
            text=output.text or "",
            usage=parse_usage(msgspec.json.encode(output.usage)) if output.usage else None,
            cost=0 if asked.kept else output.cost,
        )
