"""One caller of a load test: sends a request, reads the answer, says what became of it."""

from typing import Any, Final

import aiohttp
import msgspec

from penstock.core.clock import Clock
from penstock.simulator.load.plan import LoadPlan, Shot
from penstock.simulator.load.tally import Outcome

__all__ = ["LoadCaller"]

DEFAULT_MAX_TOKENS: Final = 1024
"""Anthropic demands a limit."""
MAX_TAIL: Final = 1024 * 1024
"""Bytes of an event without end that are kept while its end is waited for."""
_SENTENCE: Final = "The water of the river runs through the gate and turns the wheel below the dam. "
_SENTENCE_TOKENS: Final = 17


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int | None = None
    output_tokens: int = 0


class _Message(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    """What of an answer or of a stream's event is looked at, in either dialect."""

    type: str = ""
    choices: list[dict[str, Any]] | None = None
    usage: _Usage | None = None
    message: _Message | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class LoadCaller:
    """Sends the requests of a plan over one session.

    Args:
        plan: What to send.
        session: Whose connections are used.
        clock: Measures.
    """

    def __init__(self, plan: LoadPlan, session: aiohttp.ClientSession, *, clock: Clock) -> None:
        self._plan = plan
        self._session = session
        self._clock = clock
        root = plan.url.rstrip("/").removesuffix("/v1")
        self._url = f"{root}/v1/{'messages' if plan.dialect == 'anthropic' else 'chat/completions'}"
        self._headers = {"content-type": "application/json"}
        if plan.dialect == "anthropic":
            self._headers["anthropic-version"] = "2023-06-01"
        if plan.key is not None and plan.dialect == "anthropic":
            self._headers["x-api-key"] = plan.key
        elif plan.key is not None:
            self._headers["authorization"] = f"Bearer {plan.key}"
        self._timeout = aiohttp.ClientTimeout(total=plan.timeout)

    async def send(self, shot: Shot, due: float) -> Outcome:
        """One request, due at that moment of the clock; never raises for what a server may do."""
        outcome = Outcome(lag=max(0.0, self._clock.monotonic() - due))
        try:
            async with self._session.post(
                self._url, data=self._body(shot), headers=self._headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                if response.status != 200:
                    await response.read()
                    outcome.error = f"http_{response.status}"
                elif self._plan.stream:
                    await self._stream(response, outcome, due)
                else:
                    self._whole(await response.read(), outcome)
        except TimeoutError:
            outcome.error = "timeout"
        except aiohttp.ClientConnectorError:
            outcome.error = "connect"
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, ConnectionResetError):
            outcome.error = "cut"
        except aiohttp.ClientError as error:
            outcome.error = type(error).__name__
        outcome.latency = self._clock.monotonic() - due
        return outcome

    def _body(self, shot: Shot) -> bytes:
        plan = self._plan
        sentences = _SENTENCE * (1 + shot.prompt_tokens // _SENTENCE_TOKENS)
        # The number comes first, so that no cache on the way takes two requests for one.
        text = f"Request {plan.seed}-{shot.number}. {sentences}"[: max(20, round(shot.prompt_tokens * 4.7))]
        body: dict[str, Any] = {"model": plan.model, "messages": [{"role": "user", "content": text}]}
        limit = shot.max_tokens
        if plan.dialect == "anthropic":
            body["max_tokens"] = limit or DEFAULT_MAX_TOKENS
        elif limit is not None:
            body["max_tokens"] = limit
        if plan.stream:
            body["stream"] = True
            if plan.dialect == "openai":
                body["stream_options"] = {"include_usage": True}
        return msgspec.json.encode(body)

    def _whole(self, body: bytes, outcome: Outcome) -> None:
        try:
            _take_usage(_decode(body), outcome)
        except msgspec.MsgspecError:
            outcome.error = "malformed"

    async def _stream(self, response: aiohttp.ClientResponse, outcome: Outcome, due: float) -> None:
        ended = False
        tail = b""
        async for data in response.content.iter_any():
            *lines, tail = (tail + data).split(b"\n")
            if len(tail) > MAX_TAIL:
                outcome.error = "huge_event"
                return
            for line in lines:
                if line.startswith(b"data:"):
                    ended = self._event(line[5:].strip(), outcome, due) or ended
        if outcome.error is None and not ended:
            outcome.error = "cut"

    def _event(self, data: bytes, outcome: Outcome, due: float) -> bool:
        """Look at one event. True when it ends the stream."""
        if data == b"[DONE]":
            return True
        try:
            event = _decode(data)
        except msgspec.MsgspecError:
            outcome.error = outcome.error or "malformed"
            return False
        if event.error is not None:
            outcome.error = outcome.error or "error_event"
        if outcome.ttft is None and _has_content(event):
            outcome.ttft = self._clock.monotonic() - due
        _take_usage(event, outcome)
        return event.type == "message_stop"


def _has_content(event: _Event) -> bool:
    if event.type == "content_block_delta":
        return True
    for choice in event.choices or ():
        delta: dict[str, Any] = choice.get("delta") or {}
        if delta.get("content") or delta.get("tool_calls") or delta.get("reasoning_content"):
            return True
    return False


def _take_usage(event: _Event, outcome: Outcome) -> None:
    """Reports are cumulative: a later one replaces an earlier."""
    for usage in (event.message.usage if event.message else None, event.usage):
        if usage is None:
            continue
        outcome.input_tokens = usage.prompt_tokens or usage.input_tokens or outcome.input_tokens
        outcome.output_tokens = usage.completion_tokens or usage.output_tokens or outcome.output_tokens
