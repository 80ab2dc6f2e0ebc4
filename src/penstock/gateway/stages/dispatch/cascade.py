"""Cheap first: an answer is held back, checked, and given or gone on from."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import msgspec

from penstock.core.errors import PenstockError, UpstreamError
from penstock.gateway.call import Attempt
from penstock.gateway.plan import Node, Steps, in_service
from penstock.gateway.routing.checks import first_problem, judge_prompt, read_verdict
from penstock.gateway.routing.verdicts import describe, judge
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending, Held, Outrun
from penstock.providers.dialects import parse_call, record_input
from penstock.providers.replay import whole_of
from penstock.providers.types import InboundCall
from penstock.wire.routing import JudgeCheck, Parameters

if TYPE_CHECKING:
    from penstock.gateway.stages.dispatch.executor import Run

__all__ = ["Cascades"]

VERDICT = Parameters(max_output_tokens=2048)
"""A verdict is one word, but a model that thinks before it speaks needs room for that. What else a judge is asked
with, such as a temperature, is its variant's to say: not every model takes every parameter."""
RESPONSES_LOGPROBS = "message.output_text.logprobs"

_encode = msgspec.json.Encoder().encode


class _Part(msgspec.Struct):
    type: str = ""
    content: Any = None


class _Message(msgspec.Struct):
    parts: list[_Part] = []


_decode_messages = msgspec.json.Decoder(list[_Message]).decode
_decode_any = msgspec.json.Decoder().decode


class Cascades:
    """Runs the steps of a cascade.

    Args:
        run: Has a node answer; the executor's.
        admission: Asked before each further attempt.
    """

    def __init__(
        self, run: "Callable[[Run, Node, Delivery], Coroutine[Any, Any, Ending]]", admission: Admission
    ) -> None:
        self._run = run
        self._admission = admission
        self._now = asyncio.get_running_loop().time

    async def run(self, run: "Run", node: Steps, delivery: Delivery) -> Ending:
        """The first step's answer that passes; the last step's in any case.

        Where a budget has no room for a further step, the answer that failed its check is given.

        Raises:
            PenstockError: the last step failed.
        """
        limit = run.call.catalog.snapshot.gateway.max_response
        asked = _with_logprobs(run) if node.logprobs else run
        for number, step in enumerate(node.steps):
            if number == len(node.steps) - 1:
                break
            if not in_service(step, self._now()) and in_service(node.steps[number + 1], self._now()):
                continue
            held = Held(limit)
            try:
                ending = held.whole(await self._run(asked, step, held))
            except UpstreamError as error:
                if not judge(error).elsewhere or not await self._admission.more(run.call):
                    raise
                if run.call.attempts:
                    run.call.attempts[-1].note = f"failed: {describe(error)}"
                continue
            attempt = ending.attempt
            assert attempt is not None  # noqa: S101 - a node answers by an attempt
            problem = await self._problem(run, node, attempt, ending)
            if problem is None or not await self._admission.more(run.call):
                if not delivery.claim():
                    raise Outrun
                return ending
            attempt.note = problem
        return await self._run(run, node.steps[-1], delivery)

    async def _problem(self, run: "Run", node: Steps, attempt: Attempt, ending: Ending) -> str | None:
        """Why an answer will not do; None when it will."""
        texts = _texts(attempt.answer.output)
        if node.checks:
            body = whole_of(run.call.operation, ending.body) if ending.stream else ending.body
            problem = first_problem(node.checks, texts, body or b"")
            if problem is not None:
                return problem
        for check in node.judges:
            problem = await self._judged(run, check, texts, attempt.inbound if run.plan.prompted else run.inbound)
            if problem is not None:
                return problem
        return None

    async def _judged(self, run: "Run", check: JudgeCheck, texts: list[str], asked_of: InboundCall) -> str | None:
        """Ask another model. A judge that cannot be asked or understood does not pass an answer."""
        call = run.call
        if not texts:
            return "the answer has no text to judge"
        if not await self._admission.more(call):
            return None
        for text in texts:
            inbound = _question(asked_of, check, text)
            try:
                assert call.key is not None  # noqa: S101 - a call that is dispatched has a key
                plan = call.catalog.plan(check.route, call.key)
                asked = msgspec.structs.replace(run, plan=plan, inbound=inbound, role="judge", parameters=VERDICT)
                held = Held(call.catalog.snapshot.gateway.max_response)
                answered = (await self._run(asked, plan.root, held)).attempt
            except PenstockError as error:
                return f"the judge {check.route} failed: {describe(error)}"
            verdict = None if answered is None else read_verdict("\n".join(_texts(answered.answer.output)))
            if verdict is None:
                return f"the judge {check.route} gave no verdict"
            if not verdict:
                return f"the judge {check.route} said no"
        return None


def _texts(output: bytes) -> list[str]:
    """The text of each choice; those without any are left out."""
    texts = [
        "".join(part.content for part in message.parts if part.type == "text" and isinstance(part.content, str))
        for message in _decode_messages(output)
    ]
    return [text for text in texts if text]


def _question(inbound: InboundCall, check: JudgeCheck, answer: str) -> InboundCall:
    request = "\n\n".join(_texts(record_input(inbound)))
    body = {
        "model": check.route,
        "messages": judge_prompt(request, answer, check.question),
    }
    return parse_call("chat", _encode(body), {})


def _with_logprobs(run: "Run") -> "Run":
    """Ask for what the check reads; callers that did not ask get it, too, and may pass it over."""
    fields = dict(run.inbound.fields)
    if run.call.operation == "chat" and "logprobs" not in fields:
        fields["logprobs"] = msgspec.Raw(b"true")
    elif run.call.operation == "responses":
        include: Any = _decode_any(fields["include"]) if "include" in fields else []
        if not isinstance(include, list) or RESPONSES_LOGPROBS in include:
            return run
        fields["include"] = msgspec.Raw(_encode([*include, RESPONSES_LOGPROBS]))  # pyright: ignore[reportUnknownArgumentType] - JSON
    else:
        return run
    return msgspec.structs.replace(run, inbound=msgspec.structs.replace(run.inbound, fields=fields))
