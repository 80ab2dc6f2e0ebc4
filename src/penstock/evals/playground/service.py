"""Asks the gateway for a person, and tells what comes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final, Protocol

import aiohttp
import msgspec

from penstock.core.clock import Clock
from penstock.core.errors import InvalidInput, NotFound, PenstockError
from penstock.core.ids import Ids
from penstock.evals.playground.types import (
    Answered,
    Costed,
    Delta,
    Event,
    Failed,
    PlaygroundRun,
    Started,
    ToolCalled,
)
from penstock.providers.prompts import with_prompt
from penstock.providers.sse import SseSplitter
from penstock.providers.types import InboundCall, Target
from penstock.registry.prompts.service import PromptService
from penstock.registry.prompts.types import RenderRequest
from penstock.wire.headers import PROMPT, SESSION, TAGS, TRACEPARENT, check_id
from penstock.wire.snapshot import ProviderEntry

__all__ = ["TAG", "Gateway", "Playground"]

TAG: Final = "penstock.playground=yes"
"""On every call of the playground: its history is a search for it."""
TIMEOUT: Final = aiohttp.ClientTimeout(total=900, sock_connect=10)
MAX_ERROR: Final = 64 * 1024
RECORD_SECONDS: Final = 5.0
RECORD_POLL: Final = 0.2
RESERVED: Final = frozenset({"model", "messages", "stream", "stream_options", "variables"})
# The gateway takes a chat completion in OpenAI's dialect, whichever provider answers it.
GATEWAY: Final = Target(provider=ProviderEntry(name="gateway", kind="openai", base_url=""), model="")

_encode = msgspec.json.Encoder().encode


class Gateway(Protocol):
    """The console's own way to the gateway."""

    @property
    def url(self) -> str:
        """Raises `Unavailable` where the console was not told."""
        ...

    async def key(self, project: str) -> str:
        """A key of this project that every worker takes."""
        ...


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: dict[str, Any] = {}


class _DeltaPart(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _DeltaPart = msgspec.field(default_factory=_DeltaPart)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    model: str | None = None
    usage: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class Playground:
    """Runs of all projects.

    Args:
        prompts: Puts drafts and stored versions together.
        gateway: Where calls go; they are limited, billed and recorded as any call.
        cost: Gives the cost of a recorded call by project and trace, None where it is unknown; raises `NotFound`
            while it is not recorded. Blocks.
        clock: Measures.
        ids: Names traces.
    """

    def __init__(
        self,
        prompts: PromptService,
        gateway: Gateway,
        *,
        cost: Callable[[str, str], int | None],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._prompts = prompts
        self._gateway = gateway
        self._cost = cost
        self._clock = clock
        self._ids = ids

    async def begin(self, project: str, run: PlaygroundRun) -> AsyncGenerator[Event]:
        """Check a run and put it together; what it gives asks, and yields events as they come.

        Whoever stops reading stops the call.

        Raises:
            InvalidInput: the draft is wrong, a variable is missing, or a field of `parameters` is none of them.
            NotFound: there is no such prompt.
            Unavailable: the gateway cannot be reached, or does not take the console's key.
        """
        body, headers = await asyncio.to_thread(self._request, project, run)
        url = f"{self._gateway.url}/v1/chat/completions"
        headers["authorization"] = f"Bearer {await self._gateway.key(project)}"
        return self._events(project, url, body, headers)

    def _request(self, project: str, run: PlaygroundRun) -> tuple[dict[str, Any], dict[str, str]]:
        taken = sorted(RESERVED & run.parameters.keys())
        if taken:
            raise InvalidInput(
                f"{taken[0]} is no parameter; it has a place of its own.", field=f"parameters.{taken[0]}"
            )
        headers = {"content-type": "application/json", TAGS: TAG}
        if run.session is not None:
            headers[SESSION] = check_id(run.session, name="session")
        own = {"messages": run.messages, **run.parameters}
        if run.body is None and run.name is None:
            if not run.messages:
                raise InvalidInput("Expected a prompt or at least one message.", field="messages")
            fields = own
        else:
            request = RenderRequest(name=run.name, version=run.version, body=run.body, variables=run.variables)
            compiled, rendered = self._prompts.put_together(project, request)
            if compiled.name:
                headers[PROMPT] = f"{compiled.name}@{compiled.version}"
            raw = {name: msgspec.Raw(_encode(value)) for name, value in own.items()}
            call = with_prompt(
                InboundCall(operation="chat", fields=raw, model=run.model, bare=not run.messages),
                compiled.prompt,
                rendered,
                GATEWAY,
            )
            fields = {name: msgspec.json.decode(value) for name, value in call.fields.items()}
        return {
            **fields,
            "model": run.model,
            "stream": True,
            "stream_options": {"include_usage": True},
        }, headers

    async def _events(
        self, project: str, url: str, body: dict[str, Any], headers: dict[str, str]
    ) -> AsyncGenerator[Event]:
        trace_id = self._ids.trace_id()
        headers[TRACEPARENT] = f"00-{trace_id}-{self._ids.span_id()}-01"
        yield Started(trace_id=trace_id, messages=body["messages"])
        try:
            async with (
                aiohttp.ClientSession(trust_env=False, timeout=TIMEOUT) as session,
                session.post(url, data=_encode(body), headers=headers, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    yield _refused(response.status, await response.content.read(MAX_ERROR))
                    return
                answer = _Answer(self._clock)
                async for event in answer.read(response.content.iter_any()):
                    yield event
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            yield Failed(
                status=None,
                code="call_cut",
                message=f"The call to the gateway broke off: {str(error) or type(error).__name__}.",
            )
            return
        if not answer.failed:
            yield Costed(cost=await self._recorded_cost(project, trace_id))

    async def _recorded_cost(self, project: str, trace_id: str) -> int | None:
        """The cost of a call once it is stored; None when that takes too long."""
        deadline = self._clock.monotonic() + RECORD_SECONDS
        while True:
            try:
                return await asyncio.to_thread(self._cost, project, trace_id)
            except NotFound:
                if self._clock.monotonic() >= deadline:
                    return None
            except PenstockError:
                return None
            await asyncio.sleep(RECORD_POLL)


class _Answer:
    """A stream of chat completion chunks on its way to events."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._first: float | None = None
        self._calls: dict[int, list[str]] = {}
        self._finish: str | None = None
        self._model: str | None = None
        self._usage: dict[str, Any] = {}
        self.failed = False

    async def read(self, parts: AsyncIterator[bytes]) -> AsyncGenerator[Event]:
        splitter = SseSplitter()
        done = False
        async for part in parts:
            for _, data in splitter.feed(part):
                if data == b"[DONE]":
                    done = True
                    continue
                for event in self._chunk(data):
                    yield event
                    if self.failed:
                        return
        if not done:
            self.failed = True
            yield Failed(status=None, code="call_cut", message="The answer broke off before its end.")
            return
        for id_, name, arguments in self._calls.values():
            yield ToolCalled(id=id_, name=name, arguments=arguments)
        yield Answered(
            finish_reason=self._finish,
            model=self._model,
            usage=self._usage,
            ttft=None if self._first is None else _micros(self._first - self._began),
            duration=_micros(self._clock.monotonic() - self._began),
        )

    def _chunk(self, data: bytes) -> list[Event]:
        try:
            chunk = _decode_chunk(data)
        except msgspec.MsgspecError as error:
            self.failed = True
            return [Failed(status=None, code="answer_malformed", message=f"A part of the answer is no JSON: {error}.")]
        if chunk.error is not None:
            self.failed = True
            code, message = chunk.error.get("code"), chunk.error.get("message")
            return [Failed(status=None, code=str(code or "call_failed"), message=str(message or "The call failed."))]
        self._model = chunk.model or self._model
        self._usage = chunk.usage or self._usage
        events: list[Event] = []
        for choice in chunk.choices[:1]:
            self._finish = choice.finish_reason or self._finish
            events += self._delta(choice.delta)
        if self._first is None and (events or self._calls):
            self._first = self._clock.monotonic()
        return events

    def _delta(self, delta: _DeltaPart) -> list[Event]:
        for call in delta.tool_calls or ():
            known = self._calls.setdefault(call.index, ["", "", ""])
            known[0] = call.id or known[0]
            known[1] += str(call.function.get("name") or "")
            known[2] += str(call.function.get("arguments") or "")
        events: list[Event] = []
        if delta.reasoning_content:
            events.append(Delta(text=delta.reasoning_content, reasoning=True))
        text = delta.content or delta.refusal
        if text:
            events.append(Delta(text=text))
        return events


def _micros(seconds: float) -> int:
    return round(seconds * 1_000_000)


def _refused(status: int, body: bytes) -> Failed:
    try:
        problem: Any = msgspec.json.decode(body)
        error: Any = problem.get("error") if isinstance(problem, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
    except msgspec.DecodeError:
        error = None
    if not isinstance(error, dict):
        return Failed(status=status, code="call_refused", message=body[:500].decode(errors="replace"))
    return Failed(
        status=status,
        code=str(error.get("code") or "call_refused"),  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] - JSON
        message=str(error.get("message") or f"The gateway answered with {status}."),  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType] - JSON
    )
