"""Answers that were given to a process that is not there any more, from the records of the gateway."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import aiohttp
import msgspec

from penstock.core.errors import NotFound, Unavailable, UpstreamError
from penstock.evals.experiments.types import Output
from penstock.sdk.control import ControlClient, path_of

__all__ = ["RecordRecall", "console_records", "output_of"]


class _Recorded(msgspec.Struct, kw_only=True):
    """What is read of a span."""

    trace_id: str
    call: bool = False
    status: str = "ok"
    duration: int = 0
    served_model: str | None = None
    cost: int | None = None
    finish_reasons: list[str] = []
    usage_raw: dict[str, Any] | None = None
    output: Any = None


class _Trace(msgspec.Struct):
    spans: list[_Recorded]


class RecordRecall:
    """A `Recall` over whatever reads traces.

    Args:
        read: Gives the JSON of a trace, or raises `NotFound`; blocks.
        gateway: Base address of the gateway that takes the calls.
        session: For the question whether it lives.
    """

    def __init__(self, read: Callable[[str], bytes], *, gateway: str, session: aiohttp.ClientSession) -> None:
        self._read = read
        self._health = f"{gateway.rstrip('/').removesuffix('/v1')}/healthz"
        self._session = session

    async def find(self, trace_id: str) -> Output | None:
        """As `Recall.find`."""
        try:
            data = await asyncio.to_thread(self._read, trace_id)
        except (NotFound, Unavailable):
            return None
        return output_of(data)

    async def alive(self, started: int) -> bool:
        """As `Recall.alive`."""
        del started
        try:
            async with self._session.get(self._health, timeout=aiohttp.ClientTimeout(total=5)):
                return True
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def console_records(client: ControlClient, project: str | None) -> Callable[[str], bytes]:
    """Reads traces by the control API."""
    return lambda trace_id: client.get(path_of("traces", trace_id), {"project": project})


def output_of(data: bytes) -> Output | None:
    """The answer of a recorded call; None where its text was not recorded or the call is not in the trace.

    Raises:
        UpstreamError: the call ended without an answer.
    """
    trace = msgspec.json.decode(data, type=_Trace)
    span = next((one for one in trace.spans if one.call), None)
    if span is None:
        return None
    if span.status != "ok":
        raise UpstreamError(f"The record says that the call ended with status {span.status}.", code="call_failed")
    choice = _first(span.output)
    if choice is None:
        raise UpstreamError("The record of the call does not hold its answer.", code="answer_not_recorded")
    parts = [cast("dict[str, Any]", part) for part in choice.get("parts", []) if isinstance(part, dict)]
    text = "".join(str(part.get("content", "")) for part in parts if part.get("type") == "text")
    return Output(
        text=text,
        tool_calls=[_tool_call(part) for part in parts if part.get("type") == "tool_call"],
        finish_reason=span.finish_reasons[0] if span.finish_reasons else None,
        model=span.served_model,
        usage=_usage(trace.spans),
        cost=_cost(trace.spans),
        latency=span.duration,
        trace_id=span.trace_id,
    )


def _usage(spans: list[_Recorded]) -> dict[str, Any]:
    """Of the last attempt that reported it: a call with several has it on their spans, not on its own."""
    found = [one.usage_raw for one in spans if one.usage_raw is not None]
    return found[-1] if found else {}


def _cost(spans: list[_Recorded]) -> int | None:
    costs = [one.cost for one in spans]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _first(output: Any) -> dict[str, Any] | None:
    if isinstance(output, list) and output and isinstance(output[0], dict):
        return cast("dict[str, Any]", output[0])
    return None


def _tool_call(part: dict[str, Any]) -> dict[str, Any]:
    arguments = part.get("arguments")
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    return {"id": part.get("id"), "type": "function", "function": {"name": part.get("name"), "arguments": text}}
