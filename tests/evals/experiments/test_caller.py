"""One call over HTTP, against a server that answers whatever a test tells it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from penstock.core.clock import SystemClock
from penstock.core.errors import InvalidInput, UpstreamError
from penstock.evals.experiments.caller import HttpCaller
from penstock.evals.experiments.embedding import unpack
from penstock.evals.experiments.ports import Request

ASK = Request(key="k", body={"model": "m"}, headers={"x-more": "1"})
TRACE = "a" * 32


class Other:
    """The server, and what it was sent."""

    def __init__(self) -> None:
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.empty
        self.seen: list[web.Request] = []
        self.url = ""

    async def empty(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        return await self.answer(request)

    def says(self, body: object, *, status: int = 200, **headers: str) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response(body, status=status, headers=headers)

        self.answer = answer


@pytest.fixture
async def other() -> AsyncIterator[Other]:
    made = Other()
    app = web.Application()
    app.router.add_route("POST", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def caller(other: Other) -> AsyncIterator[HttpCaller]:
    async with HttpCaller.new_session(connections=2) as session:
        yield HttpCaller(f"{other.url}/v1/", "psk", session, clock=SystemClock())


async def test_an_answer_has_its_text_cost_and_trace(other: Other, caller: HttpCaller):
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    choice = {"message": {"content": parts}, "finish_reason": "stop"}
    other.says({"choices": [choice], "model": "m-1", "usage": {"x": 1}}, **{"x-penstock-cost-nano-usd": "7"})
    output = await caller.call(ASK, trace_id=TRACE, timeout=5)
    assert (output.text, output.model, output.usage, output.trace_id) == ("ab", "m-1", {"x": 1}, TRACE)
    (request,) = other.seen
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer psk"
    assert request.headers["x-more"] == "1"
    assert request.headers["traceparent"].startswith(f"00-{TRACE}-")
    other.says({"choices": [{"message": {"refusal": "I will not."}}]})
    assert (await caller.call(ASK, trace_id=TRACE, timeout=5)).text == "I will not."


@pytest.mark.parametrize(
    ("body", "status", "headers", "retryable", "wait", "said"),
    [
        ({"error": {"message": "Slow down."}}, 429, {"retry-after": "3"}, True, 3.0, "Slow down"),
        ({"error": "No."}, 400, {}, False, None, "No."),
        ([1], 503, {"retry-after": "soon"}, True, None, "503"),
        ({}, 401, {}, False, None, "without a reason"),
        ({"choices": []}, 200, {}, False, None, "no choices"),
        ({"data": 1}, 200, {}, False, None, "no chat completion"),
        ({}, 302, {"location": "http://127.0.0.1:1/"}, False, None, "302"),
    ],
)
async def test_refusals_say_whether_another_try_may_help(
    other: Other, caller: HttpCaller, body, status, headers, retryable, wait, said
):
    """FAILURES E4"""
    other.says(body, status=status, **headers)
    with pytest.raises(UpstreamError, match=said) as caught:
        await caller.call(ASK, trace_id=TRACE, timeout=5)
    assert (caught.value.retryable, caught.value.retry_after, caught.value.upstream_status) == (retryable, wait, status)
    assert len(other.seen) == 1


async def test_what_cannot_have_been_sent_is_told_from_what_may_have_been(other: Other, caller: HttpCaller):
    """FAILURES E2"""

    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    other.answer = cut
    with pytest.raises(UpstreamError) as caught:
        await caller.call(ASK, trace_id=TRACE, timeout=5)
    assert caught.value.code == "call_cut"

    gone = asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        await gone.wait()
        return web.Response()

    other.answer = late
    with pytest.raises(UpstreamError) as caught:
        await caller.call(ASK, trace_id=TRACE, timeout=0.2)
    assert caught.value.code == "call_timeout"
    gone.set()
    async with HttpCaller.new_session(connections=1) as session:
        nobody = HttpCaller("http://127.0.0.1:1", None, session, clock=SystemClock())
        with pytest.raises(UpstreamError) as caught:
            await nobody.call(ASK, trace_id=TRACE, timeout=5)
        assert caught.value.code == "not_sent"
        with pytest.raises(InvalidInput):
            HttpCaller("ftp://x", None, session, clock=SystemClock())


async def test_an_embedding_is_packed_and_an_empty_one_refused(other: Other, caller: HttpCaller):
    other.says({"data": [{"embedding": [0.5, 0.25]}], "model": "e"})
    output = await caller.embed(ASK, trace_id=TRACE, timeout=5)
    assert list(unpack(output.data)) == [0.5, 0.25]
    assert other.seen[0].path == "/v1/embeddings"
    other.says({"data": []})
    with pytest.raises(UpstreamError, match="no embedding"):
        await caller.embed(ASK, trace_id=TRACE, timeout=5)
